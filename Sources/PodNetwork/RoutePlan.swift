import KubeModel
import Primitives

/// What a Node says about the way to its pods.
public struct HostPods: Hashable, Sendable {
  public var host: HostName
  public var address: IPv4Address
  public var podRange: IPv4Network

  public init(host: HostName, address: IPv4Address, podRange: IPv4Network) {
    self.host = host
    self.address = address
    self.podRange = podRange
  }

  /// `spec.podCIDR` and the first address of type InternalIP of a Node; nil while it lacks one of them.
  public init?(node: KubeObject) {
    let addresses: [JSONValue] = node.status["addresses"].array
    guard let range: IPv4Network = node.spec["podCIDR"].string.flatMap({ IPv4Network($0) }),
      let address: IPv4Address = addresses.first(where: { $0["type"].string == "InternalIP" })?["address"].string.flatMap({
        IPv4Address($0)
      })
    else { return nil }
    self.init(host: HostName(node.name), address: address, podRange: range)
  }
}

/// One change of the kernel's routes, in the order in which they are carried out.
public enum RouteChange: Hashable, Sendable {
  /// Adds, or replaces the one to the same range.
  case replace(PodRoute)
  case remove(PodRoute)

  /// A line for `ip -batch -`.
  public var batchLine: String {
    switch self {
    case .replace(let route): "route replace \(route.podRange) via \(route.nextHop) proto \(RouteTable.ownProtocol)"
    case .remove(let route): "route del \(route.podRange) via \(route.nextHop) proto \(RouteTable.ownProtocol)"
    }
  }
}

/// Compares what the Nodes say with what the kernel has.
///
///     Nodes ──▶ desired: pod range → next hop ──┐
///                                               ├──▶ replace…, remove…
///     `ip route show` ──▶ own (proto 99) ───────┘
public struct RoutePlan: Sendable {
  public var localHost: HostName
  public init(localHost: HostName) { self.localHost = localHost }

  /// Changes that turn `table` into what `hosts` need, and the hosts that nothing leads to (their routes are removed: a route to
  /// a wrong neighbour is worse than none).
  public func changes(hosts: [HostPods], table: RouteTable) -> (changes: [RouteChange], unreachable: [HostName]) {
    var desired: [IPv4Network: IPv4Address] = [:]
    var unreachable: [HostName] = []
    let local: Set<IPv4Network> = Set(hosts.filter { $0.host == localHost }.map(\.podRange))
    // In order of names, so that two Nodes that claim one range get the same answer on every host.
    for host in hosts.sorted(by: { $0.host < $1.host }).prefix(PodNetworkLimits.hosts) where host.host != localHost {
      guard !local.contains(host.podRange), desired[host.podRange] == nil else { continue }
      guard let hop: IPv4Address = table.nextHop(towards: host.address) else {
        unreachable.append(host.host)
        continue
      }
      desired[host.podRange] = hop
    }
    let present: Set<PodRoute> = table.own
    let wanted: [PodRoute] = desired.map { PodRoute(podRange: $0.key, nextHop: $0.value) }.sorted { $0.podRange.base < $1.podRange.base }
    var changes: [RouteChange] = wanted.filter { !present.contains($0) }.map { .replace($0) }
    // `replace` swaps the next hop of a range in place; only ranges that nobody wants any more are removed.
    let stale: [PodRoute] = present.filter { desired[$0.podRange] == nil }.sorted { $0.podRange.base < $1.podRange.base }
    changes += stale.map { .remove($0) }
    return (changes, unreachable)
  }
}
