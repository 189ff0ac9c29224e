import NIOCore
import Primitives

/// What is known about one peer. On the link's event loop alone.
final class PeerLink {
  var peer: LinkPeer
  var queue: SendQueue
  var backoff: Backoff
  /// What it decides is in force from the next connection on.
  var distance: LinkDistance
  /// Of bulk; anew with each connection.
  var pacer: LinkPacer
  /// Of entries, between cities; nil elsewhere.
  var entryPacer: LinkPacer?
  /// Entries behind which no ping went yet.
  var unmarkedEntries: Int = 0
  private let limits: LinkLimits
  /// The connection that stands understands compressed chunks, and they are wanted at this distance.
  var isCompressed: Bool = false
  var paceTimer: Scheduled<Void>?
  /// Counts attempts to dial, so that a late event of an old connection changes nothing.
  var attempt: Int = 0
  /// Our connection, on which we send; set once the peer welcomed us.
  var dialled: (any Channel)?
  /// A connection that is still being made, or said hello and waits.
  var opening: (any Channel)?
  /// The peer's connection, on which it sends to us.
  var accepted: (any Channel)?
  /// When these two were last ended from the peer's side.
  var ourEnd: MonotonicTime?
  var theirEnd: MonotonicTime?
  var retry: Scheduled<Void>?
  var lastPong = MonotonicTime(nanoseconds: 0)
  var rttMicroseconds: Int64?
  var bytesIn: Int64 = 0
  var bytesOut: Int64 = 0
  var dropped: Int64 = 0
  var lastError: String?
  var isDirty: Bool = false
  var isDraining: Bool = false
  var isRemoved: Bool = false

  init(peer: LinkPeer, distance: LinkDistance, limits: LinkLimits, seed: UInt64) {
    self.peer = peer
    self.distance = distance
    self.limits = limits
    pacer = Self.pacer(limits, distance)
    entryPacer = Self.entryPacer(limits, distance)
    queue = SendQueue(limits: limits)
    backoff = Backoff(limits: limits, seed: seed)
  }

  private static func pacer(_ limits: LinkLimits, _ distance: LinkDistance) -> LinkPacer {
    LinkPacer(
      target: limits.bulkDelayTarget, bytesPerSecond: limits.bulkBytesPerSecond[distance], isAdaptive: distance != .sameCenter)
  }

  /// Within a city nothing but bulk fills the network.
  private static func entryPacer(_ limits: LinkLimits, _ distance: LinkDistance) -> LinkPacer? {
    guard distance == .far else { return nil }
    return LinkPacer(target: limits.entryDelayTarget, bytesPerSecond: 0, isAdaptive: true, floor: LinkPacer.smallestOfEntries)
  }

  func resetPacer() {
    pacer = Self.pacer(limits, distance)
    entryPacer = Self.entryPacer(limits, distance)
    unmarkedEntries = 0
    paceTimer?.cancel()
    paceTimer = nil
  }

  var status: LinkStatus {
    LinkStatus(
      peer: peer, up: dialled != nil, receiving: accepted != nil, rttMicroseconds: rttMicroseconds, queuedBytes: queue.queuedBytes,
      bytesIn: bytesIn, bytesOut: bytesOut, sent: queue.sent, sentUncompressed: queue.sentUncompressed,
      bulkWindow: pacer.window, bulkInFlight: pacer.inFlight, dropped: dropped, lastError: lastError)
  }
}
