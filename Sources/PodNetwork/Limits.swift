/// Every bound of this module.
public enum PodNetworkLimits {
  /// IFNAMSIZ is 16 with its terminator.
  public static let interfaceNameBytes: Int = 15
  /// Hosts that routes are kept for. A route per host in the main table stays well below what costs look-up time.
  public static let hosts: Int = 5_000
  /// How often the kernel's routes are compared again although no Node changed: somebody may have removed one by hand.
  public static let reconcileEvery: Duration = .seconds(10)
  /// After a failed comparison.
  public static let retryAfter: Duration = .seconds(1)
  /// Changes of Nodes that arrive together are answered by one comparison.
  public static let gatherFor: Duration = .milliseconds(20)
}
