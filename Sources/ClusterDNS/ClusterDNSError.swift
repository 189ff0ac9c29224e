import Primitives

public enum ClusterDNSDomain: FaultDomain { public static let name = "dns" }
public typealias ClusterDNSError = Fault<ClusterDNSDomain>

extension Fault<ClusterDNSDomain>.Code {
  public static let malformed = Self("malformed")
  public static let bindFailed = Self("bindFailed")
}
