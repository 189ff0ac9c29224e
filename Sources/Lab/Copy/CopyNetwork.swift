import Primitives
import Site

/// The network of a fenced copy as the commands that make it: namespaces with cables among themselves, and an edge where everything ends
/// that
/// would leave.
///
///     tc-copy-ldr-1 eth0 ── c0 ┐
///     tc-copy-ldr-2 eth0 ── c1 ┴ br0 ┐  tc-copy-net          tc-copy-edge: the outside that there is not;
///     tc-copy-branch eth0 ── c2 ─ br1 ┴ forward: drop, ╳── edge0 ── eth0   its counters show what came out
///                                       counted
enum CopyNetwork {
  static let router = "tc-copy-net"
  static let edge = "tc-copy-edge"
  static let table = "inet tricenter-copy"
  /// In every namespace of the real network: whether an address of the copy shows up there.
  static let witness = "inet tricenter-copy-witness"

  struct Place {
    var network: IPRange
    var hosts: [(name: HostName, address: IPAddress, pods: IPRange?)]
    var gateway: IPAddress { network.last.advanced(by: -1) }
  }

  static func layout(_ plan: CopyPlan) -> [Place] {
    guard let center: Center = plan.site.center(plan.center) else { return [] }
    var places: [Place] = [Place(network: center.network, hosts: center.hosts.map { ($0.name, $0.address, $0.pods) })]
    if let branch: LabPlan.Branch = plan.branch {
      places.append(Place(network: branch.network, hosts: [(branch.name, branch.address, nil)]))
    }
    return places
  }

  static func namespaces(_ plan: CopyPlan) -> [String] {
    [router, edge] + layout(plan).flatMap { $0.hosts.map { LabNetwork.namespace($0.name) } }
  }

  /// `ip -batch` input for the initial namespace. Every cable has both its ends in the copy.
  static func cables(_ plan: CopyPlan) -> String {
    var lines: [String] = ["link add edge0 netns \(router) type veth peer name eth0 netns \(edge)"]
    for (cable, host) in layout(plan).flatMap(\.hosts).enumerated() {
      lines.append("link add c\(cable) netns \(router) type veth peer name eth0 netns \(LabNetwork.namespace(host.name))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `ip -n tc-copy-net -batch` input. No neighbour is asked for on the edge: not even that leaves.
  static func routerSide(_ plan: CopyPlan) -> String {
    var lines: [String] = ["link set lo up"]
    var cable: Int = 0
    for (index, place) in layout(plan).enumerated() {
      lines.append("link add br\(index) type bridge")
      lines.append("link set br\(index) up")
      lines.append("addr add \(place.gateway)/\(place.network.prefixLength) dev br\(index)")
      for host in place.hosts {
        lines.append("link set c\(cable) master br\(index)")
        lines.append("link set c\(cable) up")
        if let pods: IPRange = host.pods { lines.append("route add \(pods) via \(host.address)") }
        cable += 1
      }
    }
    lines += [
      "addr add \(plan.edge.first.advanced(by: 1))/30 dev edge0", "link set edge0 arp off", "link set edge0 up",
      "route add default via \(plan.edge.first.advanced(by: 2)) dev edge0",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  static func edgeSide(_ plan: CopyPlan) -> String {
    "link set eth0 arp off\naddr add \(plan.edge.first.advanced(by: 2))/30 dev eth0\nlink set eth0 up\n"
  }

  static func hostSide(_ place: Place, _ address: IPAddress) -> String {
    """
    link set lo up
    addr add \(address)/\(place.network.prefixLength) dev eth0
    link set eth0 up
    route add default via \(place.gateway)

    """
  }

  /// The fence, made before any host has power. What comes from outside ends as well.
  static func fence(_ plan: CopyPlan) -> String {
    """
    table \(table) {
      counter stopped { }
      counter within { }
      counter left { }
      counter entered { }
      chain forward {
        type filter hook forward priority -300; policy drop;
        iifname "edge0" counter name entered drop
        oifname "edge0" counter name stopped drop
        ip saddr \(plan.range) ip daddr \(plan.range) counter name within accept
        counter name stopped drop
      }
      chain input {
        type filter hook input priority -300; policy accept;
        iifname "edge0" counter name entered drop
      }
      chain output {
        type filter hook output priority -300; policy accept;
        oifname "edge0" counter name stopped drop
      }
      chain leaving {
        type filter hook postrouting priority 300; policy accept;
        oifname "edge0" counter name left
      }
    }

    """
  }

  /// Counts and changes nothing.
  static func witnessTable(_ plan: CopyPlan) -> String {
    """
    add table \(witness)
    delete table \(witness)
    table \(witness) {
      counter seen { }
      chain arriving {
        type filter hook prerouting priority -310; policy accept;
        ip saddr \(plan.range) counter name seen
        ip daddr \(plan.range) counter name seen
      }
      chain leaving {
        type filter hook output priority -310; policy accept;
        ip saddr \(plan.range) counter name seen
        ip daddr \(plan.range) counter name seen
      }
    }

    """
  }

  /// No address of the sixth version, so that the kernel greets nobody by itself. As `LabNetwork.settings` otherwise.
  static let settings: [(path: String, value: String)] =
    [("net/ipv6/conf/all/disable_ipv6", "1"), ("net/ipv6/conf/default/disable_ipv6", "1")] + LabNetwork.settings
}

extension FenceCounts {
  /// The number after `packets` of every named counter in what `nft list counters` prints.
  static func packets(_ text: String) -> [String: Int64] {
    var found: [String: Int64] = [:]
    var name: String?
    for line in text.split(separator: "\n") {
      let words: [Substring] = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      if words.first == "counter", words.count > 1 { name = String(words[1]) }
      if words.first == "packets", words.count > 1, let known: String = name { found[known] = Int64(words[1]) }
    }
    return found
  }

  /// The packets below `RX:` in what `ip -s link show` prints: the second number of the line after it.
  static func received(_ text: String) -> Int64? {
    let lines: [Substring] = text.split(separator: "\n")
    guard let head: Int = lines.firstIndex(where: { $0.contains("RX:") }), head + 1 < lines.count else { return nil }
    let numbers: [Substring] = lines[head + 1].split(separator: " ")
    return numbers.count > 1 ? Int64(numbers[1]) : nil
  }
}
