import Primitives

/// The contents of our nftables table as a value: what stands in it is a function of the Services, and the difference of two of them is
/// one transaction.
struct RuleSet: Hashable, Sendable {
  static let table = "tricenter-proxy"
  /// Packets that must leave with this host's address, so that the answers come back through it.
  static let masqueradeMark = "0x4000"

  /// Declarations by name: `type ipv4_addr; flags timeout; timeout 10800s;`
  var sets: [String: String] = [:]
  var maps: [String: String] = [:]
  /// Elements of maps and of the sets that we fill ourselves. Affinity sets are filled by the kernel and do not stand here.
  var elements: [String: [String]] = [:]
  /// Base chains' hook, by chain name; other chains have none.
  var hooks: [String: String] = [:]
  var chains: [String: [String]] = [:]
  /// What frames that the host's bridges pass on must hold; empty: bridges are left alone.
  var bridge: [String] = []
  /// The bridges' table: a set cannot be shared between families, so leases and pods stand in both.
  static let bridgeTable = "tricenter-fence"
  /// Changes nothing; refused by a kernel that does not filter bridges' frames.
  static let bridgeProbe: String = {
    let table = "bridge \(bridgeTable)-probe"
    return "add table \(table)\nadd chain \(table) c { type filter hook forward priority -200; }\ndelete table \(table)\n"
  }()

  /// The whole table from nothing: what a start writes, so that nothing of an earlier run is left.
  func replacing() -> String {
    "table ip \(Self.table) {}\ndelete table ip \(Self.table)\ntable ip \(Self.table) {}\n" + changes(from: RuleSet())
  }

  private func bridgeChanges(from old: RuleSet) -> [String] {
    guard !bridge.isEmpty else { return old.bridge.isEmpty ? [] : ["delete table bridge \(Self.bridgeTable)"] }
    let table = "bridge \(Self.bridgeTable)"
    var lines: [String] = []
    let isNew: Bool = old.bridge != bridge
    if isNew {
      lines = ["add table \(table)", "delete table \(table)", "add table \(table)"]
      lines += [
        (Self.lease, Self.leaseType), (Self.unfenced, Self.unfencedType), (Self.apart, Self.unfencedType),
        (Self.apartLease, Self.apartLeaseType),
      ].map { "add set \(table) \($0) { \($1) }" }
      lines.append("add chain \(table) forward { type filter hook forward priority -200; }")
      lines += bridge.map { "add rule \(table) forward \($0)" }
    }
    for set in [Self.unfenced, Self.apart] where isNew || elements[set] != old.elements[set] {
      if !isNew { lines.append("flush set \(table) \(set)") }
      if let pods: [String] = elements[set], !pods.isEmpty {
        lines.append("add element \(table) \(set) { \(pods.joined(separator: ", ")) }")
      }
    }
    return lines
  }

  /// One transaction that turns `old` into this; empty if they are equal. What did not change is not touched, so affinity stays.
  func changes(from old: RuleSet) -> String {
    var lines: [String] = []
    let table: String = "ip \(Self.table)"
    for (name, declaration) in sets.sorted(by: { $0.key < $1.key }) where old.sets[name] != declaration {
      lines.append("add set \(table) \(name) { \(declaration) }")
    }
    for name in chains.keys.sorted() where old.chains[name] == nil {
      lines.append("add chain \(table) \(name)" + (hooks[name].map { " { \($0) }" } ?? ""))
    }
    for (name, declaration) in maps.sorted(by: { $0.key < $1.key }) where old.maps[name] != declaration {
      lines.append("add map \(table) \(name) { \(declaration) }")
    }
    for (name, rules) in chains.sorted(by: { $0.key < $1.key }) where old.chains[name] != rules {
      if old.chains[name] != nil { lines.append("flush chain \(table) \(name)") }
      lines += rules.map { "add rule \(table) \(name) \($0)" }
    }
    for (name, contents) in elements.sorted(by: { $0.key < $1.key }) where old.elements[name] != contents {
      if old.elements[name]?.isEmpty == false { lines.append("flush \(maps[name] == nil ? "set" : "map") \(table) \(name)") }
      if !contents.isEmpty { lines.append("add element \(table) \(name) { \(contents.joined(separator: ", ")) }") }
    }
    // Chains are referred to by maps and by each other: all references go before the first of them.
    let goneChains: [String] = old.chains.keys.filter { chains[$0] == nil }.sorted()
    lines += goneChains.map { "flush chain \(table) \($0)" }
    lines += goneChains.map { "delete chain \(table) \($0)" }
    lines += old.sets.keys.filter { sets[$0] == nil }.sorted().map { "delete set \(table) \($0)" }
    lines += bridgeChanges(from: old)
    return lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n"
  }
}
