import Primitives

public enum FederationDomain: FaultDomain { public static let name = "federation" }
public typealias FederationError = Fault<FederationDomain>

extension Fault<FederationDomain>.Code {
  public static let malformedRecord = Self("malformedRecord")
  public static let timeout = Self("timeout")
}
