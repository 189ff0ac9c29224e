import NIOCore

/// One stream of a connection, as the wire knows it.
struct StreamState {
  enum End {
    /// More may be sent.
    case open
    /// END_STREAM on the last DATA frame, or on an empty one.
    case plain
    indirect case trailers(FieldBlock)
  }

  var id: UInt32 = 0
  /// The peer has sent END_STREAM, or its stream is of no use any more.
  var remoteClosed: Bool = false
  /// END_STREAM is written.
  var localClosed: Bool = false
  var headSent: Bool = false
  /// HEAD, 204, 304: DATA is dropped.
  var isBodyless: Bool = false
  /// A refused or finished stream that only waits to be told of.
  var isDead: Bool = false

  // MARK: out
  /// What the peer allows; negative after it has shrunk its initial window (RFC 9113 section 6.9.2).
  var sendWindow: Int = 0
  /// Waits for windows; `pendingHead` is the index of the first that is not sent.
  var pending: [ByteBuffer] = []
  var pendingHead: Int = 0
  var pendingBytes: Int = 0
  var end: End = .open
  /// Stands in the connection's line of streams that have something to send.
  var isQueued: Bool = false
  /// `isWritable` has said no, and `onWritable` is owed.
  var isBlocked: Bool = false

  // MARK: in
  /// What the peer may still send.
  var receiveWindow: Int = 0
  /// Delivered, not yet given back.
  var consumed: Int = 0
  /// What the head announced and has not come yet.
  var contentLeft: Int?
  var isPaused: Bool = false
  /// Arrived while the handler did not want it.
  var held: [ByteBuffer] = []
  var heldBytes: Int = 0
  var heldEnd: Bool = false

  var hasOutput: Bool {
    if pendingBytes > 0 { return true }
    if localClosed { return false }
    if case .open = end { return false }
    return true
  }
  var hasHeld: Bool { !held.isEmpty || heldEnd }
}

/// The open streams of a connection: a slot each, stable for a stream's life, and an index by stream id (open addressing with
/// linear probing; ids grow by two, so their halves are a perfect hash as long as streams are short).
struct StreamTable {
  var slots: [StreamState] = []
  private var free: [Int] = []
  private var index: [Int32] = Array(repeating: -1, count: 32)
  private(set) var count: Int = 0

  private func home(_ id: UInt32) -> Int { Int(id >> 1) & (index.count - 1) }

  /// -1: not there.
  func find(_ id: UInt32) -> Int {
    var place: Int = home(id)
    while true {
      let slot = Int(index[place])
      if slot < 0 { return -1 }
      if slots[slot].id == id { return slot }
      place = (place + 1) & (index.count - 1)
    }
  }

  mutating func insert(_ id: UInt32) -> Int {
    precondition(find(id) < 0, "stream \(id) is opened twice")
    if count * 2 >= index.count { grow() }
    let slot: Int
    if let last: Int = free.popLast() {
      slot = last
    } else {
      slot = slots.count
      slots.append(StreamState())
    }
    slots[slot].id = id
    count += 1
    enter(slot, id)
    return slot
  }

  private mutating func enter(_ slot: Int, _ id: UInt32) {
    var place: Int = home(id)
    while index[place] >= 0 { place = (place + 1) & (index.count - 1) }
    index[place] = Int32(slot)
  }

  private mutating func grow() {
    index = Array(repeating: -1, count: index.count * 2)
    for slot in slots.indices where slots[slot].id != 0 { enter(slot, slots[slot].id) }
  }

  mutating func remove(_ slot: Int) {
    let id: UInt32 = slots[slot].id
    precondition(id != 0, "slot \(slot) is freed twice")
    var hole: Int = home(id)
    while Int(index[hole]) != slot { hole = (hole + 1) & (index.count - 1) }
    // Whoever was pushed past the hole moves into it, so that no search ends too early.
    var place: Int = hole
    while true {
      place = (place + 1) & (index.count - 1)
      let moved = Int(index[place])
      if moved < 0 { break }
      let wanted: Int = home(slots[moved].id)
      let distanceToPlace: Int = (place - wanted) & (index.count - 1)
      let distanceToHole: Int = (place - hole) & (index.count - 1)
      if distanceToPlace >= distanceToHole {
        index[hole] = Int32(moved)
        hole = place
      }
    }
    index[hole] = -1
    slots[slot] = StreamState()
    free.append(slot)
    count -= 1
  }

  /// Slots of open streams.
  var open: [Int] { slots.indices.filter { slots[$0].id != 0 } }
}
