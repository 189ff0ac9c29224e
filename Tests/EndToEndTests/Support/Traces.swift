import Glibc
import Primitives
import Processes

/// Everything that a lab could leave behind on a machine, as far as anybody can look.
struct Traces: Equatable, Sendable {
  var processes: [String] = []
  var networkNamespaces: [String] = []
  var mounts: [String] = []
  var links: [String] = []
  var tables: String = ""
  var controlGroups: [String] = []
  /// Files outside of the lab's folder, where containerd, runc, CNI and `ip netns` keep theirs.
  var files: [String] = []

  /// What is here and was not there, in words.
  func differences(from before: Traces) -> [String] {
    func compare(_ what: String, _ old: [String], _ new: [String]) -> [String] {
      Set(new).subtracting(old).sorted().map { "\(what) left behind: \($0)" }
    }
    return compare("process", before.processes, processes) + compare("namespace", before.networkNamespaces, networkNamespaces)
      + compare("mount", before.mounts, mounts) + compare("interface", before.links, links)
      + compare("nftables", before.tables.split(separator: "\n").map(String.init), tables.split(separator: "\n").map(String.init))
      // Control groups are the whole machine's: with another lab's among them nobody knows whose is whose.
      + (before.controlGroups.isEmpty ? compare("control group", [], controlGroups) : []) + compare("file", before.files, files)
  }
}

extension Machine {
  func traces() async throws -> Traces {
    var traces = Traces()
    traces.processes = processes().map(\.words).filter { !$0.isEmpty }.sorted()
    traces.networkNamespaces = entries("/proc/\(pid)/root/run/netns")
    traces.mounts = readFile("/proc/\(pid)/mounts").split(separator: "\n").map { line in
      line.split(separator: " ").prefix(3).joined(separator: " ")
    }.sorted()
    traces.links = try await run(["ip", "-o", "link"]).passed().output.split(separator: "\n").map { line in
      String(line.split(separator: " ").dropFirst().first ?? "")
    }.sorted()
    traces.tables = try await run(["nft", "list", "ruleset"]).passed().output
    traces.controlGroups = try await run([
      "find", "/sys/fs/cgroup", "-mindepth", "1", "-type", "d", "(", "-path", "*/tricenter", "-o", "-path", "*/tricenter/*", ")",
    ]).output
      .split(separator: "\n").map(String.init).sorted()
    let places: [String] = [
      "/run", "/var/lib/containerd", "/var/lib/cni", "/var/lib/tricenter", "/etc/cni", "/etc/netns", "/opt/containerd", "/opt/cni",
    ]
    traces.files = try await run(["find"] + places).output.split(separator: "\n").map(String.init).sorted()
    return traces
  }

  /// Everything that lives in the machine, as the host numbers it, with what it was started with; not what tests run in it just now,
  /// whose parents are outside.
  func processes() -> [(pid: pid_t, words: String)] {
    descendants(of: pid).map { pid in
      (pid, readFile("/proc/\(pid)/cmdline", limit: 65_536).split(separator: "\0").joined(separator: " "))
    }
  }

  /// The host's numbers of the machine's processes whose command line holds all these words.
  func pids(_ wanted: String...) -> [pid_t] {
    processes().filter { process in wanted.allSatisfy { process.words.contains($0) } }.map(\.pid)
  }
}
