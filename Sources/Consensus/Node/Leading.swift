import Primitives

/// What exists only while a member leads.
struct Leading: Sendable {
  /// Everyone else, sorted by id.
  var peers: [Progress] = []
  var uncommittedBytes: Int = 0
  /// The index of the first entry of the leader's own term.
  var termStart: UInt64 = 0
  var transfer: Transfer?
  var handover = Handover()
  var seenForwards: [MemberID: RecentIdentifiers] = [:]

  struct Transfer: Sendable {
    var target: MemberID
    var since: UInt64
    var isAutomatic: Bool
    /// `timeoutNow` was sent.
    var isSent: Bool = false
  }

  struct Handover: Sendable {
    var target: MemberID?
    var since: UInt64 = 0
    var notBefore: UInt64 = 0
  }

  func index(of id: MemberID) -> Int? {
    for place in peers.indices where peers[place].id == id { return place }
    return nil
  }
}

/// The last so many ids, oldest forgotten first.
struct RecentIdentifiers: Sendable {
  private var known: Set<UInt64> = []
  private var order: [UInt64] = []
  private var oldest: Int = 0

  /// False if the id was there already.
  mutating func insert(_ id: UInt64, limit: Int) -> Bool {
    guard known.insert(id).inserted else { return false }
    if order.count < limit {
      order.append(id)
    } else {
      known.remove(order[oldest])
      order[oldest] = id
      oldest = (oldest + 1) % limit
    }
    return true
  }
}
