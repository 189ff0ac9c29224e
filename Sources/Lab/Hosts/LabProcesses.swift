import Glibc
import Primitives

/// Finds this lab's processes by what they were started with, so that a command after a crash needs no record of pids.
struct LabProcesses {
  let directory: LabDirectory

  struct Found: Hashable {
    var pid: pid_t
    /// Words after the program: `["lab", "host-init", "--directory", …]`.
    var arguments: [String]
    var isFirstOfNamespace: Bool
  }

  /// Every `tricenter lab …` process of this lab's folder.
  func all() -> [Found] {
    var found: [Found] = []
    for name in LabDirectory.entries("/proc") {
      guard let pid = pid_t(name), pid != getpid(), let line: String = LabDirectory.read("/proc/\(pid)/cmdline", limit: 8_192) else {
        continue
      }
      let words: [String] = line.split(separator: "\0").map(String.init)
      guard let start: Int = words.firstIndex(of: "lab"), start == 1, words.contains(directory.path) else { continue }
      let status: String = LabDirectory.read("/proc/\(pid)/status", limit: 8_192) ?? ""
      let namespacePids: [Substring] =
        status.split(separator: "\n").first { $0.hasPrefix("NSpid:") }?.split(whereSeparator: { $0 == "\t" || $0 == " " }) ?? []
      found.append(
        Found(pid: pid, arguments: Array(words[start...]), isFirstOfNamespace: namespacePids.count > 2 && namespacePids.last == "1"))
    }
    return found
  }

  func hostInit(_ host: HostName) -> pid_t? {
    all().first { $0.arguments.dropFirst().first == "host-init" && $0.arguments.contains(host.value) }?.pid
  }
  func daemon(_ verb: String) -> pid_t? { all().first { $0.arguments.dropFirst().first == verb }?.pid }

  /// SIGKILL to everything of these hosts at one instant. With namespaces the kernel ends a host's processes when its process 1 dies;
  /// without, the descendants of the host's first process are signalled with it.
  func power(off hosts: [HostName]) -> Int {
    let all: [pid_t] = hosts.compactMap { hostInit($0) }.flatMap { [$0] + descendants(of: $0) }
    for pid in all { kill(pid, SIGKILL) }
    waitUntilGone(all)
    return all.count
  }

  func descendants(of root: pid_t) -> [pid_t] {
    var children: [pid_t: [pid_t]] = [:]
    for name in LabDirectory.entries("/proc") {
      guard let pid = pid_t(name), let line: String = LabDirectory.read("/proc/\(pid)/stat", limit: 4_096) else { continue }
      // After the parenthesised name: state, parent.
      let rest: [Substring] = line[(line.lastIndex(of: ")") ?? line.startIndex)...].split(separator: " ")
      if rest.count > 2, let parent = pid_t(rest[2]) { children[parent, default: []].append(pid) }
    }
    var found: [pid_t] = []
    var open: [pid_t] = [root]
    while let next: pid_t = open.popLast() {
      let own: [pid_t] = children[next] ?? []
      found += own
      open += own
    }
    return found
  }

  /// At most ten seconds.
  func waitUntilGone(_ pids: [pid_t]) {
    for _ in 0..<1_000 where pids.contains(where: { kill($0, 0) == 0 && !isZombie($0) }) { usleep(10_000) }
  }

  private func isZombie(_ pid: pid_t) -> Bool {
    guard let line: String = LabDirectory.read("/proc/\(pid)/stat", limit: 4_096) else { return true }
    return line[(line.lastIndex(of: ")") ?? line.startIndex)...].hasPrefix(") Z")
  }
}
