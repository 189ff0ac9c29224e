/// Calls and returns in the order of time, as a doubly linked list in arrays: an operation is taken out and put back in constant time
/// (the "lift" and "unlift" of Wing and Gong).
///
/// Node 0 is the head. Operation `i` has its call at `1 + 2i` and its return at `2 + 2i`; a return that never came stands behind all
/// others.
struct EventList {
  private var following: [Int]
  private var preceding: [Int]

  /// An answer and a beginning at the same moment overlap: the beginning stands first.
  init(_ spans: [(begin: Moment, end: Moment?)]) {
    var events: [(at: Moment, isReturn: Bool, node: Int)] = []
    for (index, span) in spans.enumerated() {
      events.append((span.begin, false, 1 + 2 * index))
      events.append((span.end ?? .max, true, 2 + 2 * index))
    }
    events.sort { left, right in
      if left.at != right.at { return left.at < right.at }
      return left.isReturn == right.isReturn ? left.node < right.node : right.isReturn
    }
    following = [Int](repeating: -1, count: 1 + 2 * spans.count)
    preceding = following
    var last: Int = 0
    for event in events {
      following[last] = event.node
      preceding[event.node] = last
      last = event.node
    }
  }

  var first: Int { following[0] }
  func next(_ node: Int) -> Int { following[node] }
  func isCall(_ node: Int) -> Bool { node % 2 == 1 }
  func operation(_ node: Int) -> Int { (node - 1) / 2 }
  func call(_ operation: Int) -> Int { 1 + 2 * operation }

  mutating func lift(_ operation: Int) {
    remove(1 + 2 * operation)
    remove(2 + 2 * operation)
  }

  /// In the reverse order of `lift`.
  mutating func unlift(_ operation: Int) {
    restore(2 + 2 * operation)
    restore(1 + 2 * operation)
  }

  private mutating func remove(_ node: Int) {
    following[preceding[node]] = following[node]
    if following[node] >= 0 { preceding[following[node]] = preceding[node] }
  }

  private mutating func restore(_ node: Int) {
    following[preceding[node]] = node
    if following[node] >= 0 { preceding[following[node]] = node }
  }
}
