import Primitives

/// From Services to chains:
///
///     prerouting, output ─▶ services ─▶ @service-ips (address . protocol . port) ─▶ svc-N ─▶ affinity? ─▶ numgen ─▶ ep-N: dnat
///                                    └▶ @node-ports (protocol . port), local addresses ─▶ ext-N: mark for masquerade ─▶ svc-N
///     postrouting ─▶ masquerade what is marked, and pods that reach themselves
///     forward, input, output ─▶ reject what has no endpoint ─▶ fence; a bridge's forward ─▶ its fence
extension RuleSet {
  struct Host: Hashable, Sendable {
    var podCIDR: String
    /// Pods that may run whatever center is active.
    var unfencedPods: [String]
    /// Exclusive pods of namespaces that have a fence of their own.
    var apartPods: [String] = []
    /// False where this host's pods are never fenced.
    var isFenced: Bool
    /// Frames from pod to pod over the host's bridge pass the fence too; false where the kernel has no bridge family in nftables.
    var fencesBridge: Bool = false
  }

  static let lease = "lease"
  static let unfenced = "unfenced-pods"
  static let leaseType = "type inet_proto; flags timeout;"
  static let unfencedType = "type ipv4_addr;"
  static let apart = "apart-pods"
  static let apartLease = "apart-lease"
  static let apartLeaseType = "type ipv4_addr; flags timeout;"

  static func build(_ ports: [ServicePort], host: Host) -> RuleSet {
    var rules = RuleSet()
    rules.addBase(host)
    var addresses: [String] = []
    var nodePorts: [String] = []
    var rejected: [String] = []
    var rejectedNodePorts: [String] = []
    for port in ports {
      let tag: String = Self.tag("\(port.name)/\(port.transport)")
      for address in port.clusterIPs + port.externalIPs {
        let key = "\(address) . \(port.transport) . \(port.port)"
        let isOutside: Bool = !port.clusterIPs.contains(address)
        if port.endpoints.isEmpty { rejected.append(key) } else { addresses.append("\(key) : goto \(isOutside ? "ext" : "svc")-\(tag)") }
      }
      if let nodePort: Int64 = port.nodePort {
        let key = "\(port.transport) . \(nodePort)"
        if (port.localEndpoints ?? port.endpoints).isEmpty {
          rejectedNodePorts.append(key)
        } else {
          nodePorts.append("\(key) : goto ext-\(tag)")
        }
      }
      rules.addService(port, tag)
    }
    rules.elements["service-ips"] = addresses.sorted()
    rules.elements["node-ports"] = nodePorts.sorted()
    rules.elements["no-endpoints"] = rejected.sorted()
    rules.elements["no-endpoint-ports"] = rejectedNodePorts.sorted()
    return rules
  }

  /// Short and stable: chain names may have 31 characters where old tools look at them.
  static func tag(_ name: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let text = String(hash, radix: 36)
    return String(repeating: "0", count: max(0, 13 - text.count)) + text
  }

  private mutating func addBase(_ host: Host) {
    let key = "type ipv4_addr . inet_proto . inet_service"
    maps["service-ips"] = "\(key) : verdict;"
    maps["node-ports"] = "type inet_proto . inet_service : verdict;"
    sets["no-endpoints"] = "\(key);"
    sets["no-endpoint-ports"] = "type inet_proto . inet_service;"
    // nft 1.0.6 takes the number, not the name, of the priority in an output chain.
    hooks["prerouting"] = "type nat hook prerouting priority -100;"
    hooks["output"] = "type nat hook output priority -100;"
    hooks["postrouting"] = "type nat hook postrouting priority 100;"
    hooks["filter-input"] = "type filter hook input priority 0;"
    hooks["filter-output"] = "type filter hook output priority 0;"
    hooks["filter-forward"] = "type filter hook forward priority 0;"
    chains["prerouting"] = ["jump services"]
    chains["output"] = ["jump services"]
    chains["services"] = [
      "ip daddr . meta l4proto . th dport vmap @service-ips",
      "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @node-ports",
    ]
    chains["postrouting"] = [
      "meta mark and \(Self.masqueradeMark) != 0 meta mark set meta mark xor \(Self.masqueradeMark) masquerade fully-random"
    ]
    let reject: [String] = [
      "ct state new ip daddr . meta l4proto . th dport @no-endpoints jump refuse",
      "ct state new fib daddr type local meta l4proto . th dport @no-endpoint-ports jump refuse",
    ]
    chains["refuse"] = ["meta l4proto tcp reject with tcp reset", "reject with icmp type port-unreachable"]
    chains["filter-input"] = reject
    chains["filter-output"] = Array(reject.prefix(1))
    chains["filter-forward"] = Array(reject.prefix(1))
    guard host.isFenced else { return }
    // The lease's elements expire by themselves: with every daemon of the host frozen, the kernel stops this host's exclusive pods.
    sets[Self.lease] = Self.leaseType
    sets[Self.unfenced] = Self.unfencedType
    elements[Self.unfenced] = host.unfencedPods.sorted()
    sets[Self.apart] = Self.unfencedType
    sets[Self.apartLease] = Self.apartLeaseType
    elements[Self.apart] = host.apartPods.sorted()
    func drops(_ side: String) -> [String] {
      [
        "ip \(side) \(host.podCIDR) ip \(side) != @\(Self.unfenced) ip \(side) != @\(Self.apart) ip protocol != @\(Self.lease) counter drop",
        "ip \(side) @\(Self.apart) ip \(side) != @\(Self.apartLease) counter drop",
      ]
    }
    let (toPods, fromPods): ([String], [String]) = (drops("daddr"), drops("saddr"))
    let fence: [String] = toPods + fromPods
    chains["filter-forward"]?.append("jump fence")
    chains["fence"] = fence
    // Between a pod and its own host, probes included: they pass while the lease lives. Only the pod's side counts: the host's address on
    // the bridge lies in the pods' range and is no pod's.
    chains["filter-input"]? += fromPods.map { "iifname != \"lo\" \($0)" }
    chains["filter-output"]? += toPods.map { "oifname != \"lo\" \($0)" }
    if host.fencesBridge { bridge = fence }
  }

  private mutating func addService(_ port: ServicePort, _ tag: String) {
    if !port.endpoints.isEmpty { addBalancer("svc-\(tag)", port.endpoints, port, tag) }
    guard port.nodePort != nil || !port.externalIPs.isEmpty else { return }
    if let local: [ServicePort.Endpoint] = port.localEndpoints {
      if !local.isEmpty { addBalancer("ext-\(tag)", local, port, tag) }
    } else if !port.endpoints.isEmpty {
      chains["ext-\(tag)"] = ["meta mark set meta mark or \(Self.masqueradeMark)", "goto svc-\(tag)"]
    }
  }

  private mutating func addBalancer(_ chain: String, _ endpoints: [ServicePort.Endpoint], _ port: ServicePort, _ tag: String) {
    let names: [String] = endpoints.map { "ep-\(Self.tag("\(tag)/\($0.description)"))" }
    var rules: [String] = []
    for (endpoint, name) in zip(endpoints, names) {
      var steps: [String] = ["ip saddr \(endpoint.address) meta mark set meta mark or \(Self.masqueradeMark)"]
      if let seconds: Int64 = port.affinitySeconds {
        let set = "aff-\(name.dropFirst(3))"
        sets[set] = "type ipv4_addr; flags dynamic,timeout; timeout \(seconds)s;"
        rules.append("ip saddr @\(set) goto \(name)")
        steps.append("update @\(set) { ip saddr }")
      }
      steps.append("meta l4proto \(port.transport) dnat to \(endpoint.address):\(endpoint.port)")
      chains[name] = steps
    }
    let choices: [String] = names.enumerated().map { "\($0.offset) : goto \($0.element)" }
    rules.append("numgen random mod \(names.count) vmap { \(choices.joined(separator: ", ")) }")
    chains[chain] = rules
  }
}
