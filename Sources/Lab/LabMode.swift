import Glibc
import Primitives
import Processes
import Site

/// What this machine allows.
public enum LabMode: Hashable, Sendable {
  /// Network namespaces, the wide-area element and containers.
  case namespaces
  /// Loopback addresses and simulated pods, for the reason given.
  case loopback(reason: String)

  static let programs: [String] = ["ip", "nsenter", "unshare", "nft", "containerd", "ctr", "runc", "busybox"]

  public static func detect() async -> LabMode {
    if ProcessEnvironment.current["TRICENTER_LAB_LOOPBACK"] == "1" { return .loopback(reason: "TRICENTER_LAB_LOOPBACK=1 asks for it") }
    guard geteuid() == 0 else { return .loopback(reason: "network namespaces need root") }
    let missing: [String] = programs.filter { findProgram($0) == nil }
    guard missing.isEmpty else { return .loopback(reason: "not installed: \(missing.joined(separator: ", "))") }
    guard access("/dev/net/tun", R_OK | W_OK) == 0 else { return .loopback(reason: "/dev/net/tun is missing") }
    let probe = Command("unshare", "--net", "--mount", "--pid", "--fork", "nft", "add", "table", "inet", "tricenter-probe")
    do {
      let outcome: Command.Outcome = try await probe.outcome()
      guard outcome.status == 0 else { return .loopback(reason: "namespaces or nftables are refused: \(outcome.errors.text.prefix(120))") }
    } catch {
      return .loopback(reason: "\(error)")
    }
    return .namespaces
  }
}

/// The site file of the fallback: the same centers and hosts on loopback addresses.
enum LoopbackSite {
  static func text(_ site: Site, dnsPort: Int) -> String {
    var text: String = "# Made by `tricenter lab up` for a machine without network namespaces: hosts are loopback addresses.\n"
    text += "federation: \(site.federation)\nzone: \(site.zone)\ncities: [\(site.cities.joined(separator: ", "))]\ncenters:\n"
    for (place, center) in site.centers.enumerated() {
      text +=
        "  - name: \(center.name)\n    role: \(center.role.rawValue)\n    city: \(center.city)\n    network: 127.\(71 + place).0.0/24\n"
      text += "    hosts:\n"
      for (index, host) in center.hosts.enumerated() {
        text += "      - { name: \(host.name), address: 127.\(71 + place).0.\(11 + index), voter: \(host.voter), "
        text += "pods: 127.\(171 + place).\(index + 1).0/24 }\n"
      }
    }
    text += SiteText.common(site, services: { index, _ in "127.\(196 + index).0.0/16" }, dnsPort: dnsPort)
    text += "lab:\n  loopback: true\n"
    text += "  branch: { name: \(site.lab?.branch.name.value ?? "branch"), network: 127.79.0.0/24, address: 127.79.0.11 }\n"
    return text
  }
}
