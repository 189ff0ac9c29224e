import Glibc
import Primitives
import Site

/// A daemon that dies and stays dead, or stands still; a kubelet that stands still is a Node that is not ready.
///
/// Staying dead is the host's own affair: its first process does not start what `Holds` names before the deadline that stands there.
struct ProcessEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  private var daemon: String { fault.kind == .nodeNotReady ? "node" : fault.parameters["daemon"] ?? "" }

  func obstacle() -> String? {
    if daemon == "containerd", !lab.usesNamespaces { return "pods are simulated here, there is no containerd" }
    let missing: [HostName] = hosts.filter { lab.process(daemon, of: $0) == nil }
    return missing.isEmpty ? nil : "\(daemon) does not run on \(missing.map(\.value).joined(separator: ", "))"
  }

  func begin(_ handle: FaultHandle) throws -> String {
    if fault.kind == .killProcess { try hold(until: handle.until) }
    for host in hosts { if let pid: pid_t = lab.process(daemon, of: host) { kill(pid, fault.kind == .killProcess ? SIGKILL : SIGSTOP) } }
    return fault.kind == .killProcess ? "\(daemon) of \(names) killed, and not started again" : "\(daemon) of \(names) stands still"
  }

  private func hold(until: MonotonicTime) throws {
    for host in hosts { try Holds(lab.directory, host).hold(daemon, until: until) }
  }

  func renew(_ handle: FaultHandle) throws {
    if fault.kind == .killProcess { try hold(until: handle.until) }
  }

  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts {
      if fault.kind == .killProcess {
        Holds(lab.directory, host).release(daemon)
      } else if let pid: pid_t = lab.process(daemon, of: host) {
        kill(pid, SIGCONT)
      }
    }
    return "\(daemon) of \(hosts.map(\.value).joined(separator: ", ")) goes on"
  }
}

/// What a host's first process must not start before a deadline, and with which clocks it starts what it starts: files in the host's
/// folder, which it looks at before every start. Nobody has to be alive for a hold to end.
struct Holds: Sendable {
  private let folder: String
  init(_ directory: LabDirectory, _ host: HostName) { folder = "\(directory.host(host))/holds" }

  func hold(_ service: String, until: MonotonicTime) throws { try write("\(service).down", [until.nanoseconds]) }
  func release(_ service: String) { unlink("\(folder)/\(service).down") }
  func isHeld(_ service: String, now: MonotonicTime) -> Bool { (read("\(service).down")?.first ?? 0) > now.nanoseconds }

  func setClock(_ service: String, seconds: Int64, until: MonotonicTime) throws {
    try write("\(service).clock", [until.nanoseconds, seconds])
  }
  func resetClock(_ service: String) { unlink("\(folder)/\(service).clock") }
  /// Seconds that the monotonic clocks shall show more; nil: none.
  func clock(_ service: String, now: MonotonicTime) -> Int64? {
    guard let numbers: [Int64] = read("\(service).clock"), numbers.count == 2, numbers[0] > now.nanoseconds else { return nil }
    return numbers[1]
  }

  private func write(_ name: String, _ numbers: [Int64]) throws {
    try LabDirectory.make(folder)
    try LabDirectory.write(numbers.map(String.init).joined(separator: " ") + "\n", to: "\(folder)/\(name)")
  }
  private func read(_ name: String) -> [Int64]? {
    LabDirectory.read("\(folder)/\(name)", limit: 256)?.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int64($0) }
  }
}
