import KubeClient
import KubeModel
import Primitives
import Synchronization

/// Carries a run out: gives `RunInstance` what happened and does what it says. Owns the clock, the store and the tasks of the steps.
public final class RunShell: Sendable {
  public struct Configuration: Sendable {
    /// Who this is: host, process and a lot.
    public var holder: String
    /// Longer than the store may be away in a drill, shorter than people wait for another runner.
    public var lease: Duration = .seconds(10)
    public var look: Duration = DrillLimits.abortLook
    public var patience: Duration = DrillLimits.recordPatience
    public init(holder: String) { self.holder = holder }
  }

  public enum Outcome: Sendable {
    /// `problem`: what kept the end from being stored, nil if it is.
    case ended(RunRecord, problem: String?)
    case lost(to: String)
  }

  private struct State {
    var object: KubeObject
    var pending: (version: Int, status: JSONValue)?
    var isWriting: Bool = false
    var stored: Int = 0
    var isOurs: Bool = false
    var problem: String = ""
    var tasks: [Int: Task<Void, Never>] = [:]
    var timer: Task<Void, Never>?
    var isOver: Bool = false
  }

  let plan: RunPlan
  let context: DrillContext
  let actions: ActionCatalog
  private let store: RunStore
  private let configuration: Configuration
  private let clock: any TimeSource
  private let onChange: @Sendable (RunRecord) -> Void
  private let events: AsyncStream<RunInstance.Event>
  private let send: AsyncStream<RunInstance.Event>.Continuation
  private let state: Mutex<State>

  /// - Parameter object: the run as the store has it, free for this runner (`RunStore.whenFree`).
  public init(
    plan: RunPlan, object: KubeObject, context: DrillContext, actions: ActionCatalog = .standard, configuration: Configuration,
    client: KubeClient? = nil, onChange: @escaping @Sendable (RunRecord) -> Void = { _ in }
  ) {
    self.plan = plan
    self.context = context
    self.actions = actions
    var client: KubeClient = client ?? context.client
    client.requestTimeout = DrillLimits.runTimeout
    client.followsRetryAfter = false
    store = RunStore(client: client)
    self.configuration = configuration
    clock = context.clock
    self.onChange = onChange
    (events, send) = AsyncStream.makeStream()
    state = Mutex(State(object: object))
  }

  public func run() async -> Outcome {
    let before = RunRecord(plan, status: state.withLock { $0.object.status })
    context.restore(before.facts)
    context.begin(epoch: before.runner.epoch + 1, holder: configuration.holder)
    var instance = RunInstance(plan, record: before, holder: configuration.holder, lease: configuration.lease)
    send.yield(.begin)
    if state.withLock({ $0.object.spec["abort"].bool == true }) { send.yield(.abort) }
    let looking = Task { await self.look() }
    var end: Outcome = .lost(to: "")
    for await event in events {
      var directives: [RunInstance.Directive] = []
      // What is measured goes with every renewal of the lease: whoever takes over knows it.
      if case .tick = event { directives = instance.on(.noted(facts: context.facts), at: clock.now(), wall: clock.wall()) }
      directives += instance.on(event, at: clock.now(), wall: clock.wall())
      var isOver: Bool = false
      for directive in directives {
        switch directive {
        case .store(let version): write(version, instance.record.status)
        case .start(let step, let work, let attempt): start(step, work, attempt)
        case .interrupt(let step): state.withLock { $0.tasks[step] }?.cancel()
        case .wake(let at): wake(at)
        case .giveUp(let other):
          end = .lost(to: other)
          isOver = true
        case .finish:
          end = .ended(instance.record, problem: nil)
          isOver = true
        }
      }
      onChange(instance.record)
      if isOver || Task.isCancelled { break }
    }
    looking.cancel()
    if case .ended(let record, _) = end { end = .ended(record, problem: await whenStored()) }
    let tasks: [Task<Void, Never>] = state.withLock { state in
      state.isOver = true
      state.timer?.cancel()
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
    send.finish()
    return end
  }

  // MARK: The store

  private func write(_ version: Int, _ status: JSONValue) {
    let begins: Bool = state.withLock { state in
      state.pending = (version, status)
      defer { state.isWriting = true }
      return !state.isWriting
    }
    if begins { Task { await self.writeAll() } }
  }

  /// One write at a time, always the newest.
  private func writeAll() async {
    while let (version, status, object, isOurs) = take() {
      let began: MonotonicTime = clock.now()
      do {
        let written: KubeObject = try await store.put(status, on: object)
        state.withLock { state in
          state.object = written
          state.isOurs = true
          state.stored = version
          state.problem = ""
        }
        send.yield(.stored(version: version, began: began))
        if written.spec["abort"].bool == true { send.yield(.abort) }
      } catch let error as KubeError where error.code == .conflict {
        if await isLost(object, isOurs) { return }
        again(version, status)
      } catch {
        if Task.isCancelled { return }
        state.withLock { $0.problem = "\(error)" }
        again(version, status)
        try? await Task.sleep(for: DrillLimits.recordPause)
      }
    }
  }

  private func take() -> (version: Int, status: JSONValue, object: KubeObject, isOurs: Bool)? {
    state.withLock { state in
      guard let pending = state.pending, !state.isOver else {
        state.isWriting = false
        return nil
      }
      state.pending = nil
      return (pending.version, pending.status, state.object, state.isOurs)
    }
  }

  /// A write that failed goes again, unless there is a newer one.
  private func again(_ version: Int, _ status: JSONValue) {
    state.withLock { if $0.pending == nil { $0.pending = (version, status) } }
  }

  /// Somebody wrote in between. That may be a person (an abort), or our own write whose answer was lost; another runner ends this one.
  private func isLost(_ object: KubeObject, _ isOurs: Bool) async -> Bool {
    guard let fresh: KubeObject = try? await store.get(plan.run) else { return false }
    let holder: String = fresh.status["runner"]["holder"].string ?? ""
    let isMine: Bool = holder == configuration.holder
    // Before the run is ours it must be exactly as it was when it was found free.
    guard isMine || (!isOurs && fresh.status == object.status) else {
      send.yield(.lost(to: holder))
      return true
    }
    state.withLock { state in
      state.object = fresh
      state.isOurs = isMine
    }
    return false
  }

  /// Until the newest version is stored. Returns what kept it from being, nil if it is.
  private func whenStored() async -> String? {
    let deadline: MonotonicTime = clock.now() + configuration.patience
    while state.withLock({ $0.pending != nil || $0.isWriting }), clock.now() < deadline {
      try? await Task.sleep(for: .milliseconds(5))
    }
    return state.withLock { $0.pending != nil || $0.isWriting ? $0.problem : nil }
  }

  /// Whether somebody wants the run stopped or has decided about a step, and whether it is still this runner's.
  private func look() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: configuration.look)
      guard state.withLock({ $0.isOurs }), let object: KubeObject = try? await store.get(plan.run) else { continue }
      if object.spec["abort"].bool == true { send.yield(.abort) }
      let holder: String = object.status["runner"]["holder"].string ?? ""
      if holder != configuration.holder, !state.withLock({ $0.isOver }) { send.yield(.lost(to: holder)) }
      guard object.status["steps"].array.contains(where: { $0["phase"].string == RunRecord.StepPhase.waiting.rawValue }) else { continue }
      for approval in (try? await store.decisions(plan.run)) ?? [] {
        if let decision: RunRecord.Decision = decision(approval) { send.yield(.decided(decision)) }
      }
    }
  }

  /// A decision of somebody who is in one of the step's roles; others are not counted.
  private func decision(_ approval: KubeObject) -> RunRecord.Decision? {
    let spec: JSONValue = approval.spec
    let roles: [String] = plan.steps.first { $0.id == spec["step"].string }?.approval?.roles ?? []
    let groups: [String] = spec["groups"].array.compactMap(\.string)
    guard let role: String = roles.first(where: groups.contains) else { return nil }
    return RunRecord.Decision(
      step: spec["step"].string ?? "", user: spec["user"].string ?? "", role: role, approves: spec["decision"].string == "approve",
      comment: spec["comment"].string ?? "", time: approval.metadata["creationTimestamp"].string ?? "")
  }

  // MARK: Time and tasks

  private func wake(_ at: MonotonicTime) {
    let pause: Duration = max(.zero, at - clock.now())
    let timer = Task { [send] in
      try? await Task.sleep(for: pause)
      if !Task.isCancelled { send.yield(.tick) }
    }
    state.withLock { state in
      state.timer?.cancel()
      state.timer = timer
    }
  }

  private func start(_ step: Int, _ work: RunInstance.Work, _ attempt: Int64) {
    let task = Task { [send] in
      let found: StepWork.Found = await StepWork(plan: plan, step: step, context: context, actions: actions).run(work)
      send.yield(
        .ended(
          step: step, work: work, attempt: attempt, result: found.result, facts: context.facts, evidence: found.evidence))
    }
    state.withLock { $0.tasks[step] = task }
  }
}
