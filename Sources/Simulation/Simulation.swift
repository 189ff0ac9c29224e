import Primitives

/// One seed = one history of the store's members in three centers, with their disks, links, clocks and clients, replayed exactly by the
/// same seed and the same build.
public enum Simulation {
  public static func run(_ seed: UInt64, _ options: SimulationOptions = SimulationOptions()) -> SimulationReport {
    let world = World(seed: seed, options: options)
    world.run()
    return world.report
  }
}

public struct SimulationOptions: Sendable {
  public var defect: SimulationDefect?
  /// Instead of the one that the seed draws.
  public var weatherKind: Weather.Kind?
  /// Keeps the last lines of what happened.
  public var keepsTrace: Bool = false
  /// Looks at the disks at every commit (a majority must hold what is applied). Off, only what clients and members see is checked.
  public var checksDisksAtCommit: Bool = true
  public init(defect: SimulationDefect? = nil, weatherKind: Weather.Kind? = nil, keepsTrace: Bool = false) {
    self.defect = defect
    self.weatherKind = weatherKind
    self.keepsTrace = keepsTrace
  }
}

/// A rule that was broken, in a sentence.
public struct Violation: Sendable, Hashable, CustomStringConvertible {
  public enum Rule: String, Sendable {
    case stateMachineSafety, oneLeaderPerTerm, logMatching, leaderCompleteness, durability, linearizability, liveness, priority,
      needlessElection,
      memberHalted, journal, leaseSafety, watchCompleteness, membership, recovery
  }
  public var rule: Rule
  public var sentence: String
  /// Microseconds since the beginning.
  public var time: Int64
  public var description: String { "\(rule.rawValue) at \(time / 1000) ms: \(sentence)" }
}

public struct SimulationReport: Sendable {
  public var seed: UInt64
  public var weather: Weather
  public var violation: Violation?
  public var events: Int = 0
  public var simulatedMicroseconds: Int64 = 0
  public var acknowledgedWrites: Int = 0
  public var servedReads: Int = 0
  public var unknownOutcomes: Int = 0
  public var elections: Int = 0
  public var crashes: Int = 0
  public var tornWrites: Int = 0
  public var snapshotsInstalled: Int = 0
  public var messages: Int = 0
  public var watchEvents: Int = 0
  /// Members added, removed, given votes; votes shrunk and regrown.
  public var changes: Int = 0
  /// Damage that a member found in its own log.
  public var damagesFound: Int = 0
  /// Damaged logs that are whole again, from the other members.
  public var repairs: Int = 0
  /// Messages with entries that crossed once for several members.
  public var relayed: Int = 0
  /// Clusters that survivors of a lost majority founded.
  public var recoveries: Int = 0
  /// Writes that returning members wrote down because the cluster went on without them.
  public var handedIn: Int = 0
  /// Survivors that were told to follow an epoch that nobody founded, while the old majority came back.
  public var stranded: Int = 0
  /// Disks that were full for a while.
  public var fullDisks: Int = 0
  /// Ends of logs that bad disks lost without a trace.
  public var tailsLost: Int = 0
  /// Members that stopped because their disk failed.
  public var stoppedByDisk: Int = 0
  /// Keys whose linearization was not found within the steps allowed.
  public var undecidedKeys: Int = 0
  /// From the death of the leader's center to a leader elsewhere, where the weather is `productionLoss`.
  public var failoverMicroseconds: Int64?
  /// Depends on everything that happened: equal for equal seeds.
  public var digest: UInt64 = 0
  public var trace: [String] = []

  /// What to type to see it again.
  public var replayCommand: String { "tricenter simulate --from \(seed) --seeds 1 --trace" }
}
