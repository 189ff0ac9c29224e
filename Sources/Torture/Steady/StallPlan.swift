import Histories
import Primitives

/// When whose disk stands still, from the seed: mostly one at a time, now and then several at once, so that a majority waits.
struct StallPlan: Sendable {
  struct Stall: Hashable, Sendable {
    var at: Moment
    var members: [Int]
  }
  let stalls: [Stall]

  /// Without stalls at the beginning and the end.
  private static let calm: Moment = 3_000_000_000

  /// `every`: the mean time between two stalls.
  init(seed: UInt64, seconds: Double, every: Duration, members: Int) {
    var random = SeededRandom(seed: seed)
    var planned: [Stall] = []
    var at: Moment = Self.calm
    let (mean, last): (Moment, Moment) = (every.inNanoseconds, Moment(seconds * 1e9) - Self.calm)
    while true {
      at += Moment.random(in: mean / 2...mean * 3 / 2, using: &random)
      guard at < last else { break }
      let several: Int = Int.random(in: 0..<5, using: &random) == 0 ? Int.random(in: 2...3, using: &random) : 1
      planned.append(Stall(at: at, members: Array((0..<members).shuffled(using: &random).prefix(several)).sorted()))
    }
    stalls = planned
  }
}
