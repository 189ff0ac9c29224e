import Primitives

/// What the leader knows of one other member's log.
struct Progress {
  enum State: Equatable {
    /// Where its log agrees with ours is not known: one message at a time.
    case probing
    /// Known: messages follow each other without waiting, up to the window.
    case replicating
    /// It needs what the log has forgotten; a snapshot up to here is under way since this tick.
    case snapshot(LogPosition, since: UInt64)
  }

  let id: MemberID
  var state: State = .probing
  /// Everything up to here is on its disk.
  var match: UInt64 = 0
  /// The next entry to send.
  var next: UInt64
  var inflight = Inflight()
  /// Probing: a message is out and its answer has not come.
  var isPaused: Bool = false
  /// An append is due even if it is empty: to find a gap, or to probe again.
  var needsProbe: Bool = false
  /// `match` when the last heartbeat was answered.
  var matchAtHeartbeat: UInt64 = 0
  /// The highest commit index it was told.
  var toldCommit: UInt64 = 0
  /// The tick when it was last heard.
  var lastHeard: UInt64
  /// The newest round of reads it has confirmed.
  var confirmedRound: UInt64 = 0

  init(id: MemberID, next: UInt64, now: UInt64) {
    self.id = id
    self.next = next
    lastHeard = now
  }

  mutating func becomeProbing(next: UInt64) {
    state = .probing
    self.next = max(next, match + 1)
    inflight.removeAll()
    isPaused = false
    needsProbe = true
  }

  mutating func becomeReplicating() {
    state = .replicating
    next = match + 1
    inflight.removeAll()
    isPaused = false
    needsProbe = false
  }

  mutating func becomeSnapshot(_ position: LogPosition, now: UInt64) {
    state = .snapshot(position, since: now)
    next = position.index + 1
    inflight.removeAll()
    isPaused = false
    needsProbe = false
  }
}

/// The window of messages sent and not yet acknowledged, in order.
struct Inflight {
  private struct Sent {
    var last: UInt64
    var bytes: Int
  }
  private var sent: [Sent] = []
  private var start: Int = 0
  private(set) var bytes: Int = 0

  var count: Int { sent.count - start }

  mutating func add(last: UInt64, bytes: Int) {
    sent.append(Sent(last: last, bytes: bytes))
    self.bytes += bytes
  }

  mutating func acknowledge(upTo index: UInt64) {
    while start < sent.count, sent[start].last <= index {
      bytes -= sent[start].bytes
      start += 1
    }
    if start == sent.count {
      sent.removeAll(keepingCapacity: true)
      start = 0
    } else if start >= 64 {
      sent.removeFirst(start)
      start = 0
    }
  }

  mutating func removeAll() {
    sent.removeAll(keepingCapacity: true)
    start = 0
    bytes = 0
  }
}
