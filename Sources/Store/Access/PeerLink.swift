import NIOCore
import Primitives
import SiteLink

/// What carries frames between members: `SiteLink` over TLS, or anything in tests. Its contract is SiteLink's: frames of one priority
/// arrive in order, whole, at most once; `receive` and `linkChanged` are called on the event loop.
public protocol PeerLink: Sendable {
  func start() async throws
  func stop() async
  /// On the event loop. False: not taken.
  func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool
  /// The same, for links that carry no buffers: the simulated ones.
  func send(bytes: [UInt8], to member: MemberID, priority: LinkPriority) -> Bool
  /// The members changed: who is to be reached from now on, and whose ids are never to be heard again. On the event loop.
  func update(peers: [LinkPeer], removed: Set<MemberID>)
  /// Connections of another epoch of the cluster end, and none is made. On the event loop, also before `start`.
  func setEpoch(_ epoch: LinkEpoch)
  /// Round trip to a peer in nanoseconds, where it is known.
  func roundTrips() -> [MemberID: Int64]
  /// What the links have carried, where that is counted.
  func statuses() -> [LinkStatus]
}

extension PeerLink {
  /// For links that reach everybody anyway.
  public func update(peers: [LinkPeer], removed: Set<MemberID>) {}
  public func setEpoch(_ epoch: LinkEpoch) {}
  public func send(bytes: [UInt8], to member: MemberID, priority: LinkPriority) -> Bool {
    send(ByteBuffer(bytes: bytes), to: member, priority: priority)
  }
  public func statuses() -> [LinkStatus] { [] }
}

extension SiteLink: PeerLink {
  public func update(peers: [LinkPeer], removed: Set<MemberID>) { updatePeers(peers, removed: removed) }
  public func statuses() -> [LinkStatus] { status() }

  public func roundTrips() -> [MemberID: Int64] {
    status().reduce(into: [:]) { result, status in
      if let microseconds: Int64 = status.rttMicroseconds { result[status.peer.member] = microseconds * 1000 }
    }
  }
}

/// Who calls whom: the link hands frames and changes to the member.
public struct LinkEvents: Sendable {
  public var receive: @Sendable (MemberID, ByteBuffer) -> Void
  public var linkChanged: @Sendable (MemberID, Bool) -> Void
  /// Most likely that member's process has ended: its kernel closed what stood between it and us.
  public var gone: @Sendable (MemberID) -> Void
  /// Another member says that this one was removed for good.
  public var removed: @Sendable (String) -> Void
  /// What a store that is no member yet is told.
  public var introduction: @Sendable () -> Bytes
  /// What a member of an older epoch of the cluster is told.
  public var proof: @Sendable () -> Bytes
  /// Another member says that the cluster is of a newer epoch.
  public var superseded: @Sendable (Bytes) -> Void
  /// An order of a person's tool, and where its answer goes.
  public var command: @Sendable (Bytes, LinkCaller, @escaping @Sendable (Bytes) -> Void) -> Void
}

/// The link of a store with one member.
struct NoLink: PeerLink {
  func start() async throws {}
  func stop() async {}
  func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool { false }
  func roundTrips() -> [MemberID: Int64] { [:] }
}
