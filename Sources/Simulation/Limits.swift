/// Sizes and durations of a simulated history. Times in microseconds of simulated time.
enum SimulationLimits {
  static let clientCount: Int = 4
  static let watcherCount: Int = 2
  /// Keys of plain writes; those behind them belong to leases.
  static let plainKeys: Int = 5
  static let keyCount: Int = 9
  /// One tick of consensus, as the members' clocks count it.
  static let tick: Int64 = 25_000
  /// How often the world is asked whether it has recovered.
  static let recoveryStep: Int64 = 100_000
  /// After the last fault is gone, every client must be served within this.
  static let recoveryTime: Int64 = 4_000_000
  /// And every member must be caught up within this: a second more than a snapshot without an answer is waited for
  /// (`StoreLimits.snapshotPatience`), and the time that the next one takes.
  static let catchUpTime: Int64 = 12_000_000
  /// And the best center must lead within this.
  static let priorityTime: Int64 = 7_000_000
  /// A client gives up after this; what it asked for may or may not happen.
  static let clientPatience: Int64 = 500_000
  static let probePatience: Int64 = 60_000
  /// Clocks run at most so much too fast or too slow (parts per million).
  static let drift: Int = 4_000
  /// A leader whose append is not on its disk after this gives the leadership up.
  static let diskStallLimit: Int64 = 600_000
  /// How long after it found the disk full a journal looks again whether there is space (`JournalLimits.spacePatience`).
  static let spacePatience: Int64 = 200_000
  /// Small, so that histories roll over segments.
  static let segmentBytes: Int = 32 << 10
  /// Steps of one history, against one that never ends.
  static let maxEvents: Int = 100_000
  /// Lines of a trace that are kept.
  static let traceLines: Int = 600
  /// Steps of the search for a linearization of one key; beyond them the key counts as undecided.
  static let searchSteps: Int = 20_000
  /// Operations of one key that are looked at.
  static let searchedOperations: Int = 128
}
