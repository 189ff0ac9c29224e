import Consensus
import Journal
import Primitives
import Store
import Synchronization

/// One simulated host: a disk that lasts, and a process that does not.
final class Host {
  let place: Int
  /// Its member's; a host that joins gets a new one each time.
  var id: MemberID?
  var disk: FaultyDisk
  let clock: HostClock
  /// nil: it is no member.
  var configuration: StoreConfiguration?
  /// Grows with every start; what was scheduled for an earlier life does not happen.
  var life: Int = 0
  var process: Process?
  var isPaused: Bool = false
  /// What arrived while it stood still.
  var backlog: [SimulationEvent] = []
  var extraDiskTime: Int64 = 0
  /// Its journal tries again soon whether there is space.
  var isLooking: Bool = false
  /// Of the cluster, as its folder says.
  var epoch: UInt64 = 0
  /// Its log was put aside, and it starts with an empty one.
  var isEmptied: Bool = false
  /// It shall die in the middle of its next write, and stay down for so long.
  var doom: Int64?
  /// It does not come back: its center is lost with its disks, or its own disk is damaged.
  var isGone: Bool = false

  init(_ place: Int, disk: FaultyDisk, clock: HostClock) {
    self.place = place
    self.disk = disk
    self.clock = clock
  }

  final class Process {
    let member: SteppedMember
    let journal: SimulatedJournal
    /// What the checkers have seen of it.
    var applied: UInt64
    var ledTerm: UInt64 = 0
    /// The term in which its disk owed an append for so long that it should give the leadership up.
    var stalledTerm: UInt64 = 0
    var membership: Membership
    var membershipBefore: Membership
    var snapshot: UInt64
    /// Of the log in its memory.
    var logEnd: UInt64
    /// It handed something to its journal since it was looked at by which its membership may be another.
    var hasWritten: Bool = true

    /// The last entry that was handed to the journal.
    private var lastWritten: UInt64 = .max

    func noteWritten(_ batch: JournalBatch) {
      let (first, last): (UInt64, UInt64) = (batch.entries.first?.index ?? .max, batch.entries.last?.index ?? lastWritten)
      let isChange: Bool = batch.entries.contains { $0.kind == Entry.Kind.membership.rawValue }
      // A membership may be taken back where entries are replaced.
      if batch.startBehind != nil || isChange || (first != .max && (lastWritten == .max || first <= lastWritten)) { hasWritten = true }
      lastWritten = last
    }

    init(_ member: SteppedMember, _ journal: SimulatedJournal) {
      self.member = member
      self.journal = journal
      applied = member.appliedIndex
      membership = member.membership
      membershipBefore = membership
      logEnd = member.lastIndex
      snapshot = journal.core.snapshotInfos.first?.index ?? 0
    }
  }
}

/// A host's clock: it starts anywhere and runs a little too fast or too slow.
final class HostClock: TimeSource {
  private let reading = Atomic<Int64>(0)
  private let offset: Int64
  private let drift: Int64

  /// - Parameter drift: parts per million.
  init(offset: Int64, drift: Int64) {
    self.offset = offset
    self.drift = drift
  }

  /// `now`: microseconds of the world.
  func set(_ now: Int64) { reading.store(offset + now * 1000 + now * drift / 1000, ordering: .relaxed) }
  func now() -> MonotonicTime { MonotonicTime(nanoseconds: reading.load(ordering: .relaxed)) }
  func wall() -> WallTime { WallTime(secondsSince1970: 1_700_000_000 + reading.load(ordering: .relaxed) / 1_000_000_000) }
  /// Microseconds of the world that one tick takes.
  var tick: Int64 { SimulationLimits.tick - SimulationLimits.tick * drift / 1_000_000 }
}
