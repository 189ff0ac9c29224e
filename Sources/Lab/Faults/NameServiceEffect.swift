import Primitives
import Processes
import Site

/// Port 53 of hosts is silent: what comes from or goes to it is dropped in the host's network, also on its way to and from pods.
///
/// The kernel ends it: the port stands in a set whose elements have a time to live (nft(8), `flags timeout`), which renewing begins anew.
struct NameServiceEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func obstacle() -> String? { lab.usesNamespaces ? nil : "hosts have no network of their own on loopback addresses" }

  private func table(_ handle: FaultHandle) -> String { "inet tricenter-\(handle.id)" }

  /// Earlier than what turns service addresses into hosts' (priority -100), so that both are met.
  static func rules(_ table: String, lease: Duration) -> String {
    let drops: [String] = ["udp dport @silent drop", "tcp dport @silent drop", "udp sport @silent drop", "tcp sport @silent drop"]
    let chains: String = ["prerouting", "output"].map { hook in
      "  chain \(hook) {\n    type filter hook \(hook) priority -300;\n"
        + drops.map { "    \($0)\n" }.joined() + "  }\n"
    }.joined()
    return "table \(table) {\n  set silent {\n    type inet_service\n    flags timeout\n  }\n\(chains)}\n" + element(table, lease: lease)
  }

  private static func element(_ table: String, lease: Duration) -> String {
    let milliseconds: Int64 = max(1, lease.inNanoseconds / 1_000_000)
    return "add element \(table) silent { 53 timeout \(milliseconds / 1_000)s\(milliseconds % 1_000)ms }\n"
  }

  private func nft(_ host: HostName, _ input: String) throws {
    try Command(["nsenter", "--net=\(lab.networkNamespace(of: host))", "nft", "-f", "-"], input: Bytes(input)).runBlockingChecked()
  }

  func begin(_ handle: FaultHandle) throws -> String {
    for host in hosts { try nft(host, Self.rules(table(handle), lease: fault.lease)) }
    return "port 53 of \(hosts.map(\.value).joined(separator: ", ")) is silent"
  }

  func renew(_ handle: FaultHandle) throws {
    // In one batch, so that there is no gap; flushing an empty set is no error.
    for host in hosts { try nft(host, "flush set \(table(handle)) silent\n" + Self.element(table(handle), lease: fault.lease)) }
  }

  func end(_ handle: FaultHandle) throws -> String {
    // Added first, so that deleting one that is not there is no error either.
    for host in hosts { try nft(host, "add table \(table(handle))\ndelete table \(table(handle))\n") }
    return "port 53 of \(hosts.map(\.value).joined(separator: ", ")) answers again"
  }
}
