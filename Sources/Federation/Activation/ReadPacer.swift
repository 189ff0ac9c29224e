import Primitives

/// When to read the activation record, as a value. Usually one read is on its way at a time. One that does not answer (the store is
/// changing its leader, and the question was put to the old one) is not waited for: the next is sent beside it, so that the first answer
/// after an election comes within the patience, and a line slower than the patience still gets its answers.
struct ReadPacer: Sendable {
  struct Rhythm: Sendable {
    /// Time between the beginnings of two reads, when they answer: where this process's center is active, or nothing is known.
    var active: Duration = FederationLimits.readWhileActive
    /// Where another center is active and its renewals are seen.
    var calm: Duration = FederationLimits.readWhileCalm
    /// Where another center is active and no renewal came for a while.
    var late: Duration = FederationLimits.readWhileLate
    /// How long a read may take before the next is sent beside it.
    var patience: Duration = FederationLimits.readPatience
    var limit: Int = FederationLimits.readsOnTheWay
    init() {}
    /// One pace for everything.
    init(every: Duration) { (active, calm, late) = (every, every, every) }
  }
  enum Mood: Hashable, Sendable {
    case active
    /// The active center's renewals are seen; without another one it is late from `lateFrom` on, and its lease is over at `overAt`: a
    /// takeover needs a read that began after that, and waits for it.
    case calm(lateFrom: MonotonicTime, overAt: MonotonicTime)
  }

  let rhythm: Rhythm
  var mood: Mood = .active
  /// Reads on their way and when they began, oldest first.
  private(set) var onTheWay: [(number: Int, began: MonotonicTime)] = []
  private var lastBegan: MonotonicTime?
  private var lastNumber: Int = 0

  init(_ rhythm: Rhythm) {
    precondition(
      rhythm.limit > 0 && rhythm.late <= rhythm.calm && rhythm.patience > .zero, "a reader needs a read, and more when it is late")
    self.rhythm = rhythm
  }

  /// The number of a read to be sent now, or nil if none is due.
  mutating func onTime(_ now: MonotonicTime) -> Int? {
    guard onTheWay.count < rhythm.limit else { return nil }
    if let lastBegan, !isOver(now, lastBegan), now < lastBegan + (onTheWay.isEmpty ? every(now) : rhythm.patience) { return nil }
    lastNumber += 1
    lastBegan = now
    onTheWay.append((lastNumber, now))
    return lastNumber
  }

  /// A read has answered, failed or been cancelled.
  mutating func onEnd(_ number: Int) { onTheWay.removeAll { $0.number == number } }

  /// When `onTime` is to be called next, besides at every end of a read and every change of mood.
  func wake(after now: MonotonicTime) -> MonotonicTime {
    guard let lastBegan else { return now }
    var times: [MonotonicTime] = [lastBegan + every(now), lastBegan + rhythm.patience]
    if case .calm(let lateFrom, let overAt) = mood { times += [lateFrom, overAt] }
    return times.filter { $0 > now }.min() ?? now + rhythm.late
  }

  private func every(_ now: MonotonicTime) -> Duration {
    switch mood {
    case .active: rhythm.active
    case .calm(let lateFrom, _): now >= lateFrom ? rhythm.late : rhythm.calm
    }
  }

  /// The lease has just run out, and no read has begun since.
  private func isOver(_ now: MonotonicTime, _ lastBegan: MonotonicTime) -> Bool {
    if case .calm(_, let overAt) = mood { now >= overAt && lastBegan < overAt } else { false }
  }
}
