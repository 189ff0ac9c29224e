/// Bounds of a run.
public enum TortureLimits {
  /// Minutes that a run may be asked for.
  public static let minutes: ClosedRange<Double> = 0.2...1_440
  /// Calls recorded; after it the clients stop and the run goes to its end.
  static let calls: Int = 4_000_000
  /// A call is given up after so long, in milliseconds: its outcome is unknown then.
  static let callMilliseconds: Int = 2_500
  /// Calls on one key before its generation is left: bounds the search of the checker.
  static let callsPerKey: Int = 250
  static let keysPerGeneration: Int = 10
  /// Faults at one time.
  static let faultsAtOnce: Int = 3
  /// Bytes of a member's own small disk: three or four segments of the journal, two snapshots and some air.
  static let diskBytes: Int = 112 << 20
  /// The same for a run without faults: the log, two snapshots and a minute of history.
  static let steadyDiskBytes: Int = 768 << 20
  /// A stall is over in less, whatever the machine does meanwhile.
  public static let stallMilliseconds: ClosedRange<Int> = 1...5_000
  /// Seconds of load before anything counts: leaders settle, what the start made of pauses is forgotten.
  static let warmUpSeconds: Double = 25
  /// Seconds until all members must serve after the last fault was undone.
  static let recoverySeconds: Int = 60
  /// Bytes that wait in one direction of one relayed connection before its reading stops.
  static let relayBytes: Int = 4 << 20
  static let relayedConnections: Int = 256
  /// Lines kept of what members said before they ended by themselves.
  static let problems: Int = 50
}
