import Logging
import Metrics
import Primitives
import Synchronization

/// Keys that want work, and the workers that do it. The shell around `WorkQueueInstance`.
public final class WorkQueue: Sendable {
  private struct Waiter {
    var id: UInt64
    var continuation: CheckedContinuation<String?, Never>
  }
  private struct State {
    var queue: WorkQueueInstance
    var waiters: [Waiter] = []
    var nextWaiter: UInt64 = 0
    /// When the timer that was started last fires; nil if none runs.
    var timer: MonotonicTime?
  }

  public let name: String
  private let clock: any TimeSource
  private let state: Mutex<State>
  private let logger: Logger
  private let retries: Counter
  private let drops: Counter
  private let depth: Gauge

  /// `name` labels metrics and log lines.
  public init(name: String, limits: WorkQueueLimits = WorkQueueLimits(), clock: any TimeSource = SystemClock()) {
    self.name = name
    self.clock = clock
    self.state = Mutex(State(queue: WorkQueueInstance(limits: limits)))
    var logger = Logger(label: "kubeclient.queue")
    logger[metadataKey: "queue"] = "\(name)"
    self.logger = logger
    self.retries = Counter(label: "workqueue_retries_total", dimensions: [("name", name)])
    self.drops = Counter(label: "workqueue_dropped_total", dimensions: [("name", name)])
    self.depth = Gauge(label: "workqueue_depth", dimensions: [("name", name)])
  }

  public func add(_ key: String) {
    change { $0.add(key) }
  }

  /// Adds the key when `delay` has passed, unless it comes sooner for another reason.
  public func add(_ key: String, after delay: Duration) {
    guard delay > .zero else { return add(key) }
    let at: MonotonicTime = clock.now() + delay
    change { $0.add(key, at: at) }
  }

  /// Adds the key after the pause that its failures so far have earned.
  public func addRateLimited(_ key: String) {
    retries.increment()
    let now: MonotonicTime = clock.now()
    change { queue in
      let pause: Duration = queue.onFailure(key)
      queue.add(key, at: now + pause)
    }
  }

  /// The key's next failure counts as its first.
  public func forget(_ key: String) { state.withLock { $0.queue.forget(key) } }

  /// Waiting keys, those for later not counted.
  public var count: Int { state.withLock { $0.queue.count } }
  /// Nothing waits, now or for later, and nothing is worked on.
  public var isIdle: Bool {
    state.withLock { $0.queue.count == 0 && $0.queue.countLater == 0 && $0.queue.countInProcess == 0 }
  }

  /// Works until its task is cancelled. A key whose `body` throws comes again after its pause; one whose body returns has its
  /// failures forgotten. `body` ends soon once cancelled.
  public func run(workers: Int = 1, _ body: @escaping @Sendable (String) async throws -> Void) async {
    precondition(workers > 0, "the queue \(name) needs a worker")
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<workers { group.addTask { await self.work(body) } }
      await group.waitForAll()
    }
  }

  private func work(_ body: @Sendable (String) async throws -> Void) async {
    while !Task.isCancelled, let key: String = await take() {
      do {
        try await body(key)
        forget(key)
      } catch is CancellationError where Task.isCancelled {
        change { $0.onDone(key) }
        return
      } catch {
        let conflict: Bool = (error as? KubeError)?.code == .conflict
        logger.log(level: conflict ? .debug : .warning, "will try again: \(error)", metadata: ["key": "\(key)"])
        addRateLimited(key)
      }
      change { $0.onDone(key) }
    }
  }

  /// The next key, nil when cancelled.
  private func take() async -> String? {
    let id: UInt64 = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<String?, Never>) in
        let answer: String?? = state.withLock { state in
          if Task.isCancelled { return .some(nil) }
          if let key: String = state.queue.take() { return key }
          state.waiters.append(Waiter(id: id, continuation: continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let waiter: Waiter? = state.withLock { state in
        state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
      }
      waiter?.continuation.resume(returning: nil)
    }
  }

  /// Changes the queue, hands keys to idle workers, and sees that the timer is set.
  private func change(_ body: (inout WorkQueueInstance) -> Void) {
    let now: MonotonicTime = clock.now()
    var handed: [(Waiter, String)] = []
    var wake: MonotonicTime?
    let (count, dropped): (Int, Int) = state.withLock { state in
      let before: Int = state.queue.dropped
      body(&state.queue)
      if let due: MonotonicTime = state.queue.onTick(now), state.timer.map({ due < $0 }) ?? true {
        state.timer = due
        wake = due
      }
      while !state.waiters.isEmpty, let key: String = state.queue.take() { handed.append((state.waiters.removeFirst(), key)) }
      return (state.queue.count, state.queue.dropped - before)
    }
    for (waiter, key) in handed { waiter.continuation.resume(returning: key) }
    depth.record(count)
    if dropped > 0 {
      drops.increment(by: dropped)
      logger.error("the queue is full: \(dropped) keys dropped")
    }
    guard let wake else { return }
    Task { [weak self] in
      try? await Task.sleep(for: wake - now)
      self?.onTimer(wake)
    }
  }

  private func onTimer(_ fired: MonotonicTime) {
    state.withLock { state in
      if state.timer == fired { state.timer = nil }
    }
    change { _ in }
  }
}
