/// Limits of the lab. The relationships are asserted in `WideAreaNetwork.init`.
enum Limits {
  /// Bytes waiting on one direction of one link before packets are dropped at the tail, as a router's queue does.
  static let linkQueueBytes: Int = 16 << 20
  /// Packets taken from the device before the control socket and due packets are looked at again.
  static let packetsPerTurn: Int = 256
  static let packetBytes: Int = 65_536
  /// Faults at one time on one direction of one line.
  static let faultsPerLine: Int = 16
  static let controlLineBytes: Int = 1_024
  static let controlConnections: Int = 16
  static let relayConnections: Int = 512
  /// A log file is moved to `.old` when it has grown past this at the start of its daemon.
  static let logBytes: Int = 32 << 20
}
