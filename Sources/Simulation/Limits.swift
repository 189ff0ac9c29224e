/// Sizes and durations of a simulated history. Times in microseconds of simulated time.
enum SimulationLimits {
  static let memberCount: Int = 5
  static let clientCount: Int = 4
  static let keyCount: Int = 5
  /// One tick of consensus, as the shells do it.
  static let tick: Int64 = 25_000
  /// Faults happen within this.
  static let faultyTime: Int64 = 2_600_000
  /// How often the world is asked whether it has recovered.
  static let recoveryStep: Int64 = 150_000
  /// After the last fault is gone, every client must be served within this.
  static let recoveryTime: Int64 = 3_000_000
  /// And the best center must lead within this.
  static let priorityTime: Int64 = 6_000_000
  /// A client gives up after this; what it asked for may or may not happen.
  static let clientPatience: Int64 = 500_000
  /// Entries between two snapshots of a member.
  static let entriesPerSnapshot: UInt64 = 30
  static let entriesKept: UInt64 = 8
  /// Small, so that histories roll over segments.
  static let segmentBytes: Int = 32 << 10
  /// Steps of one history, against one that never ends.
  static let maxEvents: Int = 100_000
  /// Lines of a trace that are kept.
  static let traceLines: Int = 400
}
