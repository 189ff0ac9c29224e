/// Watches of one stream that were asked for and not yet announced, in the order in which they were: the store opens them in any.
struct WatchOpenings {
  private struct Opening {
    /// nil: refused, there is no such watch.
    var id: Int64?
    /// Empty: not open yet.
    var answers: [WatchAnswer]
  }
  private var openings: [Opening] = []
  /// How many of them go by each id: one that was cancelled may be asked for again before its turn has come.
  private var waiting: [Int64: Int] = [:]

  mutating func begin(_ id: Int64) {
    openings.append(Opening(id: id, answers: []))
    waiting[id, default: 0] += 1
  }

  mutating func refuse(_ answer: WatchAnswer) { openings.append(Opening(id: nil, answers: [answer])) }

  func isWaiting(_ id: Int64) -> Bool { waiting[id] != nil }

  /// It is open (or over already): what is to be said of it in its turn.
  mutating func ready(_ id: Int64, _ answers: [WatchAnswer]) {
    guard let place: Int = openings.firstIndex(where: { $0.id == id && $0.answers.isEmpty }) else { return }
    openings[place].answers = answers
  }

  /// What can be said now, which is taken out.
  mutating func next() -> [(id: Int64?, answers: [WatchAnswer])] {
    let count: Int = openings.firstIndex { $0.answers.isEmpty } ?? openings.count
    let sayable: [Opening] = Array(openings[..<count])
    openings.removeFirst(count)
    for id in sayable.compactMap(\.id) {
      let left: Int = waiting[id, default: 1] - 1
      waiting[id] = left > 0 ? left : nil
    }
    return sayable.map { ($0.id, $0.answers) }
  }
}
