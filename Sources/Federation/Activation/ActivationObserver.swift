import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Follows the activation record by reading and watching it, and tells everybody in this process what it may do. Reads are linearizable, so
/// each one also proves that a majority of the store can still be reached from here. One per process: everybody shares its reads.
public final class ActivationObserver: Sendable {
  private let reader: ActivationReader
  private let cluster: String
  private let center: CenterName?
  private let lateAfter: Duration
  private let clock: any TimeSource
  private let logger: Logger
  private struct State {
    var view: ActivationView
    var listeners: [Int: AsyncStream<ActivationView>.Continuation] = [:]
    var followers: [Int: AsyncStream<ActivationFinding>.Continuation] = [:]
    var nextListener: Int = 0
  }
  private let state: Mutex<State>

  /// - Parameters:
  ///   - center: of this process. While another one is active and renews, reading is left at one a second. Nil: read as if it were active.
  ///   - renewEvery: how often the active center renews.
  ///   - readEvery: between the beginnings of two reads when they answer, whoever is active; nil: as `FederationLimits` has it.
  public init(
    client: KubeClient, cluster: String, margin: Duration, center: CenterName? = nil, renewEvery: Duration = .milliseconds(250),
    readEvery: Duration? = nil, clock: any TimeSource = SystemClock()
  ) {
    let logger = Logger(label: "federation.observer")
    reader = ActivationReader(
      client: client, cluster: cluster, pacer: ReadPacer(readEvery.map { .init(every: $0) } ?? .init()),
      timeout: FederationLimits.readTimeout, clock: clock, logger: logger)
    self.cluster = cluster
    self.center = center
    lateAfter = FederationLimits.lateAfter(renewEvery: renewEvery)
    self.clock = clock
    self.logger = logger
    state = Mutex(State(view: ActivationView(margin: margin)))
  }

  public var view: ActivationView { state.withLock { $0.view } }
  public func isActive(_ center: CenterName) -> Bool { view.isActive(center, at: clock.now()) }
  public var epoch: Int64 { view.record?.epoch ?? 0 }

  /// Every view after something was found, the newest if the reader is slow.
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

  /// What a daemon of this process has written itself: nobody here waits for the watch to bring it back.
  func note(_ record: ActivationRecord) { find(.watched(record, at: clock.now())) }

  func find(_ finding: ActivationFinding) { _ = take(finding) }

  /// Everything that is found, in order.
  func findings() -> AsyncStream<ActivationFinding> {
    let (stream, continuation) = AsyncStream<ActivationFinding>.makeStream(
      bufferingPolicy: .bufferingNewest(FederationLimits.waitingFindings))
    let id: Int = state.withLock { state in
      state.nextListener += 1
      state.followers[state.nextListener] = continuation
      return state.nextListener
    }
    continuation.onTermination = { _ in self.state.withLock { _ = $0.followers.removeValue(forKey: id) } }
    return stream
  }

  /// Returns when `isActive(center)` is no longer what it was, after `limit` at the latest. Throws only when cancelled.
  public func waitForChange(of center: CenterName, from before: Bool, atMost limit: Duration) async throws {
    let views: AsyncStream<ActivationView> = views()
    guard isActive(center) == before else { return }
    var pause: Duration = limit
    if before, let until: MonotonicTime = view.validUntil { pause = min(pause, until - clock.now()) }
    let longest: Duration = max(pause, .milliseconds(1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: longest) }
      group.addTask { for await view in views where view.isActive(center, at: self.clock.now()) != before { return } }
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  /// Runs until its task is cancelled.
  public func run() async {
    await reader.run { finding in self.take(finding) }
  }

  private func take(_ finding: ActivationFinding) -> ReadPacer.Mood {
    let (before, after, listeners, followers) = state.withLock { state in
      let before: ActivationView = state.view
      switch finding {
      case .read(let record, let began, let finished): if let record { state.view.onRead(record, began: began, finished: finished) }
      case .watched(let record, let time): state.view.onWatched(record, at: time)
      }
      return (before, state.view, Array(state.listeners.values), Array(state.followers.values))
    }
    for follower in followers { follower.yield(finding) }
    guard let known: ActivationRecord = after.record else { return .active }
    if before.record?.epoch != known.epoch {
      logger.info("activation", metadata: ["cluster": "\(cluster)", "center": "\(known.center)", "epoch": "\(known.epoch)"])
    }
    for listener in listeners { listener.yield(after) }
    // Reads are needed where a deadline counts from them, and where something is about to change.
    guard let center, known.center != center, known.handover == nil, let seenAt: MonotonicTime = after.versionSeenAt,
      let counted: MonotonicTime = after.countedFrom,
      !known.placements.contains(where: { $0.center == center || $0.yieldsTo == center })
    else { return .active }
    return .calm(lateFrom: seenAt + lateAfter, overAt: counted + known.lease)
  }
}
