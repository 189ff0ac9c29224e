import Primitives

/// When to read the activation record, as a value. Usually one read is on its way at a time. One that does not answer (the store is changing
/// its leader, and the question was put to the old one) is not waited for: the next is sent beside it, so that the first answer after
/// an election comes within the patience, and a line slower than the patience still gets its answers.
struct ReadPacer: Sendable {
  /// Time between the beginnings of two reads, when they answer.
  let every: Duration
  let patience: Duration
  let limit: Int
  /// Reads on their way and when they began, oldest first.
  private(set) var onTheWay: [(number: Int, began: MonotonicTime)] = []
  private var lastBegan: MonotonicTime?
  private var lastNumber: Int = 0

  init(every: Duration, patience: Duration = FederationLimits.readPatience, limit: Int = FederationLimits.readsOnTheWay) {
    precondition(limit > 0 && every > .zero && patience > .zero, "a reader needs at least one read and time between two")
    self.every = every
    self.patience = patience
    self.limit = limit
  }

  /// The number of a read to be sent now, or nil if none is due.
  mutating func onTime(_ now: MonotonicTime) -> Int? {
    guard now >= due, onTheWay.count < limit else { return nil }
    lastNumber += 1
    lastBegan = now
    onTheWay.append((lastNumber, now))
    return lastNumber
  }

  /// A read has answered, failed or been cancelled.
  mutating func onEnd(_ number: Int) { onTheWay.removeAll { $0.number == number } }

  /// When `onTime` is to be called next, besides at every end of a read.
  func wake(after now: MonotonicTime) -> MonotonicTime {
    guard let lastBegan else { return now }
    return [lastBegan + every, lastBegan + patience].filter { $0 > now }.min() ?? now + every
  }

  private var due: MonotonicTime {
    guard let lastBegan else { return MonotonicTime(nanoseconds: .min) }
    return lastBegan + (onTheWay.isEmpty ? every : max(every, patience))
  }
}
