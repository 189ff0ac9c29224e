/// A row of the kernel's main table as `ip route show` prints it; only what choosing a next hop needs.
public struct Route: Hashable, Sendable {
  public var destination: IPv4Network
  /// Nil for a network that hangs directly on `device`.
  public var gateway: IPv4Address?
  public var device: String?
  /// `kernel`, `static`, `99`, …
  public var origin: String

  public init(destination: IPv4Network, gateway: IPv4Address?, device: String? = nil, origin: String = "static") {
    self.destination = destination
    self.gateway = gateway
    self.device = device
    self.origin = origin
  }
}

/// A remote host's pod range and the address that leads there.
public struct PodRoute: Hashable, Sendable {
  public var podRange: IPv4Network
  public var nextHop: IPv4Address
  public init(podRange: IPv4Network, nextHop: IPv4Address) {
    self.podRange = podRange
    self.nextHop = nextHop
  }
}

/// The kernel's routes at one moment, split into ours (by protocol number) and everybody else's.
public struct RouteTable: Hashable, Sendable {
  /// The routing protocol number on the routes that this module owns; others are never touched.
  /// 99 is in the range left to administrators (`/etc/iproute2/rt_protos`).
  public static let ownProtocol: Int = 99

  public var routes: [Route]
  public init(_ routes: [Route]) { self.routes = routes }

  public var own: Set<PodRoute> {
    Set(
      routes.compactMap { route in
        guard route.origin == String(Self.ownProtocol), let gateway: IPv4Address = route.gateway else { return nil }
        return PodRoute(podRange: route.destination, nextHop: gateway)
      })
  }

  /// The neighbour to hand packets for `host` to: the host itself where it hangs on one of our links, otherwise the gateway of
  /// the longest foreign match (a center's router). Nil when nothing leads there. Our own routes are left out: they lead to pods.
  public func nextHop(towards host: IPv4Address) -> IPv4Address? {
    let best: Route? =
      routes
      .filter { $0.origin != String(Self.ownProtocol) && $0.destination.contains(host) }
      .max { $0.destination.prefixLength < $1.destination.prefixLength }
    guard let best else { return nil }
    return best.gateway ?? host
  }
}
