import Primitives

public enum ProxyDomain: FaultDomain { public static let name = "proxy" }
public typealias ProxyError = Fault<ProxyDomain>

extension Fault<ProxyDomain>.Code {
  public static let nftables = Self("nftables")
}
