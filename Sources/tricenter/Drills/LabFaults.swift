import Drills
import Glibc
import Lab
import Primitives
import Site

/// The lab's power switches and lines as what breaks things.
struct LabFaults: FaultInjector {
  let lab: Lab

  func lose(_ center: CenterName) async throws -> String {
    let hosts: [HostName] = lab.site.center(center)?.hosts.map(\.name) ?? []
    guard lab.usesNamespaces else { return "\(lab.power(off: hosts)) processes ended by SIGKILL" }
    let lab: Lab = lab
    // Both at once: the lines on another thread while the processes die.
    async let cut: Void = Task.detached { try lab.isolate(center.value, cut: true) }.value
    let ended: Int = lab.power(off: hosts)
    try await cut
    return "\(ended) processes ended by SIGKILL, every line of \(center) cut"
  }

  func giveBack(_ center: CenterName) async throws -> String {
    if lab.usesNamespaces { try lab.isolate(center.value, cut: false) }
    for host in lab.site.center(center)?.hosts ?? [] { try lab.power(on: host.name) }
    return "power and lines of \(center) are back"
  }

  func state(of center: CenterName) async throws -> CenterPower {
    let hosts: [HostName] = lab.site.center(center)?.hosts.map(\.name) ?? []
    let on: Int = hosts.count { lab.isPowered($0) }
    // On loopback there are no lines to cut.
    let lines: [LineReport] = lab.usesNamespaces ? try lab.lines().filter { $0.from == center.value || $0.to == center.value } : []
    let cut: Int = lines.count { $0.setting.cut }
    if on == 0, cut == lines.count { return .lost }
    return on == hosts.count && cut == 0 ? .whole : .partly
  }

  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle { try lab.inject(fault, id: id) }
  func renew(_ handle: FaultHandle) async throws -> FaultHandle { try lab.renew(handle) }
  func undo(_ handle: FaultHandle) async throws -> String { try lab.undo(handle) }
  func faults() async throws -> [FaultHandle] { lab.faults() }

  func residentBytes(_ host: HostName) -> Int? {
    guard let pid: pid_t = lab.centerProcess(of: host), let text: String = LabDirectory.read("/proc/\(pid)/status", limit: 16_384),
      let line: Substring = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
      let kibibytes = Int(line.filter(\.isNumber))
    else { return nil }
    return kibibytes * 1_024
  }

  var simulated: [String] {
    lab.usesNamespaces
      ? [] : ["pods are simulated, and the centers are loopback addresses of one machine without delay between them; lines were not cut"]
  }
}
