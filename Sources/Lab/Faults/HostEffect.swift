import Glibc
import Primitives
import Site

/// Hosts that stand still as a whole: every process of theirs, containers included, gets SIGSTOP.
struct HostEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func obstacle() -> String? {
    let dark: [HostName] = hosts.filter { !lab.isPowered($0) }
    return dark.isEmpty ? nil : "\(dark.map(\.value).joined(separator: ", ")) has no power"
  }

  func begin(_ handle: FaultHandle) throws -> String {
    var stopped: Set<pid_t> = []
    // What was being started while the first round went by is found by a further one.
    for _ in 0..<10 {
      let found: [pid_t] = hosts.flatMap(lab.everyProcess).filter { !stopped.contains($0) }
      if found.isEmpty { break }
      for pid in found { kill(pid, SIGSTOP) }
      stopped.formUnion(found)
    }
    return "\(stopped.count) processes of \(hosts.map(\.value).joined(separator: ", ")) stand still"
  }

  func end(_ handle: FaultHandle) throws -> String {
    let all: [pid_t] = hosts.flatMap(lab.everyProcess)
    for pid in all.reversed() { kill(pid, SIGCONT) }
    return "\(all.count) processes of \(hosts.map(\.value).joined(separator: ", ")) go on"
  }
}

extension Lab {
  /// A host's first process and all that came of it, as this machine numbers processes.
  func everyProcess(of host: HostName) -> [pid_t] {
    guard let first: pid_t = processes.hostInit(host) else { return [] }
    return [first] + processes.descendants(of: first)
  }

  /// A daemon of a host: `center`, `node` or `containerd`.
  func process(_ daemon: String, of host: HostName) -> pid_t? {
    guard let first: pid_t = processes.hostInit(host) else { return nil }
    return processes.descendants(of: first).first { pid in
      let words: [Substring] = LabDirectory.read("/proc/\(pid)/cmdline", limit: 8_192)?.split(separator: "\0") ?? []
      guard words.count > 1 else { return false }
      if daemon == "containerd" { return words[0] == "containerd" || words[0].hasSuffix("/containerd") }
      return words[0].hasSuffix("tricenter") && words[1] == daemon
    }
  }
}
