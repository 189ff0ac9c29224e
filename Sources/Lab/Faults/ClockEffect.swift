import Glibc
import Primitives
import Site

/// A daemon restarts with other monotonic clocks, in a time namespace (time_namespaces(7)), as on a host that was booted at another
/// time; it restarts once more with the machine's when the fault ends. The date is the machine's throughout.
struct ClockEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  private var daemon: String { fault.parameters["daemon"] ?? "" }
  private var seconds: Int64 { fault.parameters["seconds"].flatMap { Int64($0) } ?? 0 }

  func obstacle() -> String? {
    if geteuid() != 0 { return "time namespaces need root" }
    if !LabDirectory.exists("/proc/self/ns/time") { return "this kernel has no time namespaces" }
    let uptime: Int64 = SystemClock().now().nanoseconds / 1_000_000_000
    return uptime + seconds < 0 ? "the monotonic clock shows \(uptime) s and cannot show less than 0" : nil
  }

  private func restart() {
    for host in hosts { if let pid: pid_t = lab.process(daemon, of: host) { kill(pid, SIGKILL) } }
  }

  func begin(_ handle: FaultHandle) throws -> String {
    try renew(handle)
    restart()
    return "\(daemon) of \(hosts.map(\.value).joined(separator: ", ")) restarts with its clocks \(seconds) s off"
  }

  func renew(_ handle: FaultHandle) throws {
    for host in hosts { try Holds(lab.directory, host).setClock(daemon, seconds: seconds, until: handle.until) }
  }

  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts { Holds(lab.directory, host).resetClock(daemon) }
    restart()
    return "\(daemon) of \(hosts.map(\.value).joined(separator: ", ")) restarts with the machine's clocks"
  }
}
