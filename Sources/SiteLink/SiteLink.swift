import Logging
import NIOCore
import Primitives
import Synchronization
import TLS

/// The wire between the members of a store: mutual TLS 1.3, one connection per direction and pair, frames in three priorities.
///
/// Contract: frames of one priority arrive in the order in which `send` took them, whole or not at all, at most once; when a link goes
/// down, what was taken and not yet delivered is lost (the protocol above sends again). A more urgent frame overtakes at every 64 KiB.
/// Nothing here blocks, and what a slow or silent peer costs is bounded by `LinkLimits`. `receive` and `linkChanged` are called on the
/// event loop; `linkChanged` says true before the first `send` to that member succeeds.
public final class SiteLink: Sendable {
  let local: LinkPeer
  let clusterID: UInt64
  let tls: LinkTLS
  let eventLoop: any EventLoop
  let logger: Logger
  let limits: LinkLimits
  let receive: @Sendable (MemberID, ByteBuffer) -> Void
  let linkChanged: @Sendable (MemberID, Bool) -> Void
  let gone: @Sendable (MemberID) -> Void
  let removed: @Sendable (String) -> Void
  let introduction: @Sendable () -> Bytes
  let proof: @Sendable () -> Bytes
  let superseded: @Sendable (Bytes) -> Void
  let command: @Sendable (Bytes, LinkCaller, @escaping @Sendable (Bytes) -> Void) -> Void
  let epoch = EpochCell()
  let board = StatusBoard()
  private let bind: (host: String, port: Int)
  private let seed: UInt64
  private let core: NIOLoopBoundBox<LinkCore?>
  private let firstPeers: [LinkPeer]

  /// - Parameters:
  ///   - local: this member; a peer of the same id in `peers` is left out.
  ///   - clusterID: what members of other clusters are refused by.
  ///   - eventLoop: everything runs here; share it with the store's loop.
  ///   - bind: where peers reach this member; port 0 lets the system choose (`port`).
  ///   - seed: of the retries' jitter.
  ///   - gone: both connections with that member, which stood, were ended from its side: most likely its process is no more. A hint: it
  ///   may be
  ///     that something between has reset them. On the event loop.
  ///   - removed: a member says that this one was removed from the cluster for good, with its sentence. On the event loop.
  ///   - introduction: what a store of the federation that is no member yet is told when it asks (`ask`), at most one chunk. On the event
  ///     loop.
  ///   - epoch: of the cluster, see `setEpoch`.
  ///   - proof: what a member of an older epoch is told, at most one chunk. On the event loop.
  ///   - superseded: another member is of a newer epoch, with its proof. On the event loop.
  ///   - command: a request of a tool with a certificate of a store of this federation; call back with the answer, from anywhere.
  public init(
    local: LinkPeer, clusterID: UInt64, peers: [LinkPeer], tls: LinkTLS, eventLoop: any EventLoop, bind: (host: String, port: Int),
    logger: Logger, limits: LinkLimits = LinkLimits(),
    seed: UInt64 = {
      var random = SecureRandom(); return random.next()
    }(),
    receive: @escaping @Sendable (MemberID, ByteBuffer) -> Void, linkChanged: @escaping @Sendable (MemberID, Bool) -> Void,
    gone: @escaping @Sendable (MemberID) -> Void = { _ in }, removed: @escaping @Sendable (String) -> Void = { _ in },
    introduction: @escaping @Sendable () -> Bytes = { [] }, epoch: LinkEpoch = LinkEpoch(),
    proof: @escaping @Sendable () -> Bytes = { [] }, superseded: @escaping @Sendable (Bytes) -> Void = { _ in },
    command: @escaping @Sendable (Bytes, LinkCaller, @escaping @Sendable (Bytes) -> Void) -> Void = { _, _, answer in answer([]) }
  ) {
    limits.check()
    self.local = local
    self.clusterID = clusterID
    self.tls = tls
    self.eventLoop = eventLoop
    self.bind = bind
    self.logger = logger
    self.limits = limits
    self.seed = seed
    self.receive = receive
    self.linkChanged = linkChanged
    self.gone = gone
    self.removed = removed
    self.introduction = introduction
    _ = self.epoch.exchange(epoch)
    self.proof = proof
    self.superseded = superseded
    self.command = command
    firstPeers = peers
    core = .makeEmptyBox(valueType: LinkCore.self, eventLoop: eventLoop)
  }

  /// Listens and begins to dial. Throws `LinkError` `.cannotListen`. Once.
  public func start() async throws {
    let bind: (host: String, port: Int) = bind
    do {
      try await eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
        precondition(self.core.value == nil, "a link starts once")
        let core = LinkCore(self, seed: self.seed)
        self.core.value = core
        return core.listen(host: bind.host, port: bind.port).assumeIsolated().map { channel in
          core.listener = channel
          self.board.setPort(channel.localAddress?.port)
          core.setPeers(self.firstPeers)
          core.tick()
        }.nonisolated()
      }.get()
    } catch {
      throw LinkError(
        .cannotListen,
        "Cannot listen for other members at \(bind.host):\(bind.port): another process may, or the address is not this host's.",
        cause: error)
    }
  }

  /// Closes every connection; `linkChanged` says false for those that were up. Afterwards `send` takes nothing.
  public func stop() async {
    let closing: EventLoopFuture<Void> = eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
      guard let core: LinkCore = self.core.value else { return self.eventLoop.makeSucceededVoidFuture() }
      core.stop()
      guard let listener: any Channel = core.listener else { return self.eventLoop.makeSucceededVoidFuture() }
      core.listener = nil
      return listener.close()
    }
    // A listener that cannot be closed is closed already.
    try? await closing.get()
  }

  /// On the event loop only. False: dropped, since the link is down, its queue of this priority is full, or the frame is too large. Never
  /// blocks. The frame leaves at the end of this turn of the loop, together with the others.
  public func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool {
    core.value?.send(frame, to: member, priority) ?? false
  }

  /// The members as they are now: links to those that left are closed, those that are new or moved are dialled. One of `removed` that
  /// dials is refused for good. From any thread, after `start`.
  public func updatePeers(_ peers: [LinkPeer], removed: Set<MemberID> = []) {
    let update: @Sendable () -> Void = {
      self.core.value?.removedMembers = removed
      self.core.value?.setPeers(peers)
    }
    if eventLoop.inEventLoop { update() } else { eventLoop.execute(update) }
  }

  /// The cluster's epoch from now on. Connections of the epoch before end, and are made again: a member of another epoch is refused, and
  /// told why. From any thread, also before `start`.
  public func setEpoch(_ epoch: LinkEpoch) {
    guard self.epoch.exchange(epoch) != epoch else { return }
    let renew: @Sendable () -> Void = { self.core.value?.renewConnections() }
    if eventLoop.inEventLoop { renew() } else { eventLoop.execute(renew) }
  }

  /// By member id; at most a ping interval old. From any thread.
  public func status() -> [LinkStatus] { board.statuses }

  /// Where it listens; nil before `start`.
  public var port: Int? { board.port }
}

/// What other threads may read.
final class StatusBoard: Sendable {
  private let state: Mutex<(statuses: [LinkStatus], port: Int?)> = Mutex(([], nil))
  var statuses: [LinkStatus] { state.withLock { $0.statuses } }
  var port: Int? { state.withLock { $0.port } }
  func set(_ statuses: [LinkStatus]) { state.withLock { $0.statuses = statuses } }
  func setPort(_ port: Int?) { state.withLock { $0.port = port } }
}

/// The cluster's epoch, for the link and its core.
final class EpochCell: Sendable {
  private let state: Mutex<LinkEpoch> = Mutex(LinkEpoch())
  var value: LinkEpoch { state.withLock { $0 } }
  func exchange(_ epoch: LinkEpoch) -> LinkEpoch {
    state.withLock { state in
      defer { state = epoch }
      return state
    }
  }
}
