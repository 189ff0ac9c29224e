import Histories

/// Whether an election was needed, from what was done to the members and what the machine did to them. A value: evidence in, reasons out.
///
/// Needed is one whose leader died, whose disk did not finish a write for longer than a leader may need, or that could not be heard because
/// its process, or the wide-area element between it and the others, got no processor for longer than followers wait. Everything else
/// was needless: a stall below the limit above all.
struct ElectionJudge {
  struct Election: Hashable, Sendable {
    /// When the new term was seen.
    var at: Moment
    var term: UInt64
    /// nil: nobody was seen to lead.
    var from: Int?
    var to: Int?
  }
  enum Place: Hashable, Sendable {
    case member(Int)
    case wideArea
  }
  /// Something that took time at one place.
  struct Spell: Hashable, Sendable {
    var place: Place
    var begin: Moment
    var end: Moment
    var milliseconds: Int { Int((end - begin) / 1_000_000) }
  }
  enum Reason: Hashable, Sendable {
    case died
    case diskStalled(milliseconds: Int)
    case starved(Place, milliseconds: Int)
    /// To one that is placed better, with everything in order: planned, and what a needed election before it brought about.
    case handedBack
    case needless

    var isNeeded: Bool { self != .needless }
  }

  /// A stall of a leader's disk that makes it give way (`StoreConfiguration.diskStallLimit`).
  static let diskLimit: Moment = 1_000_000_000
  /// A leader that hears no majority for so long steps down (`RaftTiming.electionTicks`), the shortest silence that followers take for an
  /// end.
  static let silenceLimit: Moment = 300_000_000
  /// An election is seen at most so long after what made it: silence, two round trips, the look-out's own pace.
  static let reach: Moment = 2_500_000_000

  /// Disk stalls, injected or not, as they were measured.
  var stalls: [Spell] = []
  /// Without a processor although runnable.
  var starvation: [Spell] = []
  var deaths: [(member: Int, at: Moment)] = []
  /// Higher leads rather.
  var priorities: [Int]

  func reason(_ election: Election) -> Reason {
    let since: Moment = election.at - Self.reach
    func overlaps(_ spell: Spell) -> Bool { spell.end > since && spell.begin < election.at }
    if let from: Int = election.from {
      if deaths.contains(where: { $0.member == from && $0.at > since && $0.at <= election.at }) { return .died }
      let stall: Spell? = stalls.filter { $0.place == .member(from) && overlaps($0) }.max { $0.milliseconds < $1.milliseconds }
      if let stall, stall.end - stall.begin > Self.diskLimit { return .diskStalled(milliseconds: stall.milliseconds) }
    }
    // Without a leader to blame, any member's absence may have been the leader's.
    let suspects: [Spell] = starvation.filter { spell in
      guard overlaps(spell), spell.end - spell.begin >= Self.silenceLimit else { return false }
      return spell.place == .wideArea || election.from == nil || spell.place == .member(election.from ?? -1)
    }
    if let worst: Spell = suspects.max(by: { $0.milliseconds < $1.milliseconds }) {
      return .starved(worst.place, milliseconds: worst.milliseconds)
    }
    if let from: Int = election.from, let to: Int = election.to, priorities[to] > priorities[from] { return .handedBack }
    return .needless
  }
}
