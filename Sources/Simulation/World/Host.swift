import Consensus
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
    /// It handed something to its journal since it was looked at: only then may its membership be another.
    var hasWritten: Bool = true

    init(_ member: SteppedMember, _ journal: SimulatedJournal) {
      self.member = member
      self.journal = journal
      applied = member.appliedIndex
      membership = member.membership
      membershipBefore = membership
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
