import Primitives

public enum PodNetworkDomain: FaultDomain { public static let name = "pod network" }
public typealias PodNetworkError = Fault<PodNetworkDomain>

extension Fault<PodNetworkDomain>.Code {
  /// Text that is not an IPv4 range, or a range that cannot hold pods.
  public static let badRange = Self("badRange")
  public static let fileNotWritten = Self("fileNotWritten")
  /// `ip` printed something else than routes.
  public static let unreadableRoutes = Self("unreadableRoutes")
}
