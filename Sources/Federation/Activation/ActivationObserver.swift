import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Follows the activation record by reading it over and over, and tells everybody in this process what it may do. Reads are
/// linearizable, so each one also proves that a majority of the store can still be reached from here.
public final class ActivationObserver: Sendable {
  private let client: KubeClient
  private let cluster: String
  private let readEvery: Duration
  private let clock: any TimeSource
  private let logger: Logger
  private struct State {
    var view: ActivationView
    var listeners: [Int: AsyncStream<ActivationView>.Continuation] = [:]
    var nextListener: Int = 0
  }
  private let state: Mutex<State>

  /// `readEvery`: time between the beginnings of two reads; a read that takes longer than the margin is given up.
  public init(
    client: KubeClient, cluster: String, margin: Duration, readEvery: Duration = .milliseconds(200), clock: any TimeSource = SystemClock()
  ) {
    var client: KubeClient = client
    client.followsRetryAfter = false
    client.requestTimeout = .milliseconds(1_000)
    self.client = client
    self.cluster = cluster
    self.readEvery = readEvery
    self.clock = clock
    self.logger = Logger(label: "federation.observer")
    state = Mutex(State(view: ActivationView(margin: margin)))
  }

  public var view: ActivationView { state.withLock { $0.view } }
  public func isActive(_ center: CenterName) -> Bool { view.isActive(center, at: clock.now()) }
  public var epoch: Int64 { view.record?.epoch ?? 0 }

  /// Every view after a successful read, the newest if the reader is slow.
  public func views() -> AsyncStream<ActivationView> {
    let (stream, continuation) = AsyncStream<ActivationView>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id: Int = state.withLock { state in
      state.nextListener += 1
      state.listeners[state.nextListener] = continuation
      return state.nextListener
    }
    continuation.onTermination = { _ in self.state.withLock { _ = $0.listeners.removeValue(forKey: id) } }
    return stream
  }

  /// Runs until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      let began: MonotonicTime = clock.now()
      await read(began)
      let left: Duration = began + readEvery - clock.now()
      if left > .zero { try? await Task.sleep(for: left) }
    }
  }

  private func read(_ began: MonotonicTime) async {
    do {
      let object: KubeObject = try await client.get(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: cluster))
      let record = try ActivationRecord(object)
      let finished: MonotonicTime = clock.now()
      let (before, after, listeners) = state.withLock { state in
        let before: ActivationView = state.view
        state.view.onRead(record, began: began, finished: finished)
        return (before, state.view, Array(state.listeners.values))
      }
      if before.record?.epoch != after.record?.epoch {
        logger.info("activation", metadata: ["cluster": "\(cluster)", "center": "\(record.center)", "epoch": "\(record.epoch)"])
      }
      for listener in listeners { listener.yield(after) }
    } catch {
      logger.debug("activation cannot be read: \(error)")
    }
  }
}
