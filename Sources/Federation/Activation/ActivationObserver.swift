import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Follows the activation record by reading it over and over, and tells everybody in this process what it may do. Reads are
/// linearizable, so each one also proves that a majority of the store can still be reached from here.
public final class ActivationObserver: Sendable {
  private let reader: ActivationReader
  private let cluster: String
  private let clock: any TimeSource
  private let logger: Logger
  private struct State {
    var view: ActivationView
    var listeners: [Int: AsyncStream<ActivationView>.Continuation] = [:]
    var nextListener: Int = 0
  }
  private let state: Mutex<State>

  /// - Parameters:
  ///   - readEvery: time between the beginnings of two reads, when they answer.
  ///   - patience: how long a read may take before the next is sent beside it.
  public init(
    client: KubeClient, cluster: String, margin: Duration, readEvery: Duration = .milliseconds(200),
    patience: Duration = FederationLimits.readPatience, clock: any TimeSource = SystemClock()
  ) {
    let logger = Logger(label: "federation.observer")
    reader = ActivationReader(
      client: client, cluster: cluster, pacer: ReadPacer(every: readEvery, patience: patience), timeout: FederationLimits.readTimeout,
      clock: clock, logger: logger)
    self.cluster = cluster
    self.clock = clock
    self.logger = logger
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
    await reader.run { answer in self.take(answer) }
  }

  private func take(_ answer: ActivationReader.Answer) {
    guard let record: ActivationRecord = answer.record else {
      logger.debug("there is no activation yet")
      return
    }
    let (before, after, listeners) = state.withLock { state in
      let before: ActivationView = state.view
      state.view.onRead(record, began: answer.began, finished: answer.finished)
      return (before, state.view, Array(state.listeners.values))
    }
    if let known: ActivationRecord = after.record, before.record?.epoch != known.epoch {
      logger.info("activation", metadata: ["cluster": "\(cluster)", "center": "\(known.center)", "epoch": "\(known.epoch)"])
    }
    for listener in listeners { listener.yield(after) }
  }
}
