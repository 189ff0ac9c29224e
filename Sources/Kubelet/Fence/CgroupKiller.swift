import Glibc
import Primitives

/// Kills what runs in a pod's cgroup without asking the runtime: a fence must act even where containerd hangs.
/// cgroup v1 (any of a few hierarchies), hybrid and v2 alike.
public enum CgroupKiller {
  static let roots: [String] = [
    "/sys/fs/cgroup", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpuacct",
    "/sys/fs/cgroup/cpuset",
    "/sys/fs/cgroup/devices", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/blkio", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified",
    "/sys/fs/cgroup/net_cls", "/sys/fs/cgroup/net_prio", "/sys/fs/cgroup/perf_event", "/sys/fs/cgroup/hugetlb", "/sys/fs/cgroup/rdma",
    "/sys/fs/cgroup/misc",
  ]

  /// Sends SIGKILL to every process below `parent`; the number of processes. An empty parent kills nothing.
  @discardableResult
  public static func kill(_ parent: String) -> Int {
    guard parent.hasPrefix("/"), parent.count > 1 else { return 0 }
    let killed: Set<pid_t> = processes(below: parent)
    for pid in killed where pid > 1 { _ = Glibc.kill(pid, SIGKILL) }
    return killed.count
  }

  static func processes(below parent: String) -> Set<pid_t> {
    var found: Set<pid_t> = []
    guard parent.hasPrefix("/"), parent.count > 1 else { return found }
    for root in roots.prefix(4) where Files.isDirectory(root + parent) { walk(root + parent) { found.insert($0) } }
    return found
  }

  /// Uids of the pods that have a cgroup below `root`.
  static func pods(below root: String) -> Set<String> {
    guard root.hasPrefix("/"), root.count > 1 else { return [] }
    var uids: Set<String> = []
    for hierarchy in roots.prefix(4) {
      for name in Files.names(in: hierarchy + root) where name.hasPrefix("pod") && name.count > 3 { uids.insert(String(name.dropFirst(3))) }
    }
    return uids
  }

  private static func walk(_ path: String, _ found: (pid_t) -> Void) {
    if let bytes: Bytes = Files.read("\(path)/cgroup.procs", limit: 1 << 16) {
      for line in bytes.text.split(separator: "\n") { if let pid = pid_t(line) { found(pid) } }
    }
    for name in Files.names(in: path) where Files.isDirectory("\(path)/\(name)") { walk("\(path)/\(name)", found) }
  }

  /// Removes the empty cgroups of a pod that is gone. rmdir refuses those that still hold a process.
  public static func remove(_ parent: String) {
    guard parent.hasPrefix("/"), parent.count > 1 else { return }
    for root in roots where Files.isDirectory(root + parent) { prune(root + parent) }
  }
  private static func prune(_ path: String) {
    for name in Files.names(in: path) where Files.isDirectory("\(path)/\(name)") { prune("\(path)/\(name)") }
    rmdir(path)
  }
}
