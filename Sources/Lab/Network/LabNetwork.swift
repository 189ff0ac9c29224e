import Primitives
import Site

/// The lab's network as the commands that make it: a namespace per host, one for the wide area with a bridge per place, and policy
/// routing that sends everything from one place to another through the TUN device of the wide-area element.
///
///     prod-1 eth0 ── v0 ┐                                      ┌ v2 ── eth0 ldr-1
///     prod-2 eth0 ── v1 ┴ br0 ─ rule: not from wan0 ─▶ wan0 ─▶ br1 ┴ v3 ── eth0 ldr-2
///                              (table 200)      wide-area element   (main table: places and pods)
enum LabNetwork {
  static let prefix = "tc-"
  static let wideArea = "tc-wan"
  static let table = "200"

  static func namespace(_ host: HostName) -> String { prefix + host.value }

  /// Places and the addresses that lie there: hosts and pods.
  static func places(_ site: Site) -> [(name: String, ranges: [IPRange])] {
    var places: [(name: String, ranges: [IPRange])] = site.centers.map { ($0.name.value, [$0.network] + $0.hosts.map(\.pods)) }
    if let branch: LabPlan.Branch = site.lab?.branch { places.append((branch.name.value, [branch.network])) }
    return places
  }

  struct Place {
    var network: IPRange
    var hosts: [(name: HostName, address: IPAddress, pods: IPRange?)]
    /// The last address before the broadcast address, so that .1 stays free for people's own devices.
    var gateway: IPAddress { network.last.advanced(by: -1) }
  }

  static func layout(_ site: Site) -> [Place] {
    var places: [Place] = site.centers.map { center in
      Place(network: center.network, hosts: center.hosts.map { ($0.name, $0.address, $0.pods) })
    }
    if let branch: LabPlan.Branch = site.lab?.branch {
      places.append(Place(network: branch.network, hosts: [(branch.name, branch.address, nil)]))
    }
    return places
  }

  static func namespaces(_ site: Site) -> [String] { [wideArea] + layout(site).flatMap { $0.hosts.map { namespace($0.name) } } }

  /// `ip -batch` input for the initial namespace: namespaces and cables.
  static func cables(_ site: Site) -> String {
    var lines: [String] = namespaces(site).map { "netns add \($0)" }
    var cable: Int = 0
    for place in layout(site) {
      for host in place.hosts {
        lines.append("link add v\(cable) netns \(wideArea) type veth peer name eth0 netns \(namespace(host.name))")
        cable += 1
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `ip -n tc-wan -batch` input, once the wide-area element has made its device.
  static func wideAreaSide(_ site: Site, device: String) -> String {
    var lines: [String] = ["link set lo up", "link set \(device) up"]
    var cable: Int = 0
    for (index, place) in layout(site).enumerated() {
      lines.append("link add br\(index) type bridge")
      lines.append("link set br\(index) up")
      lines.append("addr add \(place.gateway)/\(place.network.prefixLength) dev br\(index)")
      for host in place.hosts {
        lines.append("link set v\(cable) master br\(index)")
        lines.append("link set v\(cable) up")
        if let pods: IPRange = host.pods { lines.append("route add \(pods) via \(host.address)") }
        cable += 1
      }
    }
    lines.append("route add default dev \(device) table \(table)")
    lines.append("rule add pref 100 iif \(device) lookup main")
    for index in layout(site).indices { lines.append("rule add pref 200 iif br\(index) lookup \(table)") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `ip -n tc-HOST -batch` input.
  static func hostSide(_ place: Place, _ host: (name: HostName, address: IPAddress, pods: IPRange?)) -> String {
    """
    link set lo up
    addr add \(host.address)/\(place.network.prefixLength) dev eth0
    link set eth0 up
    route add default via \(place.gateway)

    """
  }

  /// Kernel settings inside every namespace. Reverse-path filters would drop what policy routing sends another way.
  static let settings: [(path: String, value: String)] = [
    ("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/eth0/rp_filter", "0"), ("net/ipv4/conf/all/send_redirects", "0"), ("net/ipv4/conf/default/send_redirects", "0"),
  ]
}
