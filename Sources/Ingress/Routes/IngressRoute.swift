/// One host name and where its requests go.
public struct IngressRoute: Hashable, Sendable {
  /// In lower case; `*.shop.example` for all names below.
  public var host: String
  public var namespace: String
  public var service: String
  /// The Service's port, by number.
  public var port: Int64
  public var upstreams: [Upstream]

  public struct Upstream: Hashable, Sendable {
    /// An IP address.
    public var address: String
    public var port: Int64
    public init(address: String, port: Int64) {
      self.address = address
      self.port = port
    }
    var text: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
  }

  public init(host: String, namespace: String, service: String, port: Int64, upstreams: [Upstream]) {
    self.host = host
    self.namespace = namespace
    self.service = service
    self.port = port
    self.upstreams = upstreams
  }

  /// Names of namespaces and Services hold no underscore, so no two routes share an upstream that differ in one of the three.
  var upstreamName: String { "\(namespace)_\(service)_\(port)" }
}
