import Primitives

/// Reads `ip -N -4 route show table main` in its plain form, one route per line:
/// `10.244.2.0/24 via 10.1.0.12 dev eth0 proto 99`. The plain form has been stable for twenty years, the JSON form names
/// the same words. `-N`, since iproute2 calls protocol 99 `openr`; keywords this reader does not need are skipped with their value.
public enum RouteReader {
  /// Throws `.unreadableRoutes` with the line when a line does not begin with a destination.
  public static func read(_ text: String) throws -> RouteTable {
    var routes: [Route] = []
    for line in text.split(separator: "\n") {
      var words = line.split(separator: " ")[...]
      guard let first = words.first else { continue }
      // Broadcast, blackhole, unreachable and the like lead to no neighbour; with `-N` their type is a bare number.
      if ["unreachable", "blackhole", "prohibit", "broadcast", "throw", "multicast", "nat", "local"].contains(String(first)) { continue }
      if Int(first) != nil { continue }
      // Continuation lines of a multipath route: the first next hop stands for it.
      if first == "nexthop" {
        if let via = words.firstIndex(of: "via"), via + 1 < words.endIndex, let last = routes.indices.last, routes[last].gateway == nil {
          routes[last].gateway = IPv4Address(words[via + 1])
        }
        continue
      }
      guard let destination = IPv4Network(first) else {
        throw PodNetworkError(.unreadableRoutes, "`ip route` printed a line that does not begin with a destination: '\(line)'.")
      }
      words = words.dropFirst()
      var route = Route(destination: destination, gateway: nil, device: nil, origin: "boot")
      while let word = words.popFirst() {
        switch word {
        case "via": route.gateway = words.popFirst().flatMap { IPv4Address($0) }
        case "dev": route.device = words.popFirst().map(String.init)
        case "proto": route.origin = words.popFirst().map(String.init) ?? ""
        default: break
        }
      }
      routes.append(route)
    }
    return RouteTable(routes)
  }
}
