import Primitives

public enum IngressDomain: FaultDomain { public static let name = "ingress" }
public typealias IngressError = Fault<IngressDomain>

extension Fault<IngressDomain>.Code {
  /// nginx is not installed.
  public static let missing = Self("missing")
  /// nginx refused the configuration; the last good one stays in force.
  public static let refused = Self("refused")
  public static let failed = Self("failed")
}
