import Glibc
import Primitives
import Processes
import Site

extension Lab {
  /// Ends every process of the lab and removes its namespaces, cgroups and folder. Also for a lab that was only half made.
  public static func down(directory: LabDirectory, _ progress: Progress) async throws {
    // What stands beside it first: a copy has processes, namespaces and a mount of its own.
    try await endCopy(directory: directory, progress)
    let processes = LabProcesses(directory: directory)
    let running: [LabProcesses.Found] = processes.all()
    if !running.isEmpty { progress("ending \(running.count) processes and what they started") }
    let all: [pid_t] = running.map(\.pid) + running.flatMap { processes.descendants(of: $0.pid) }
    for pid in all { kill(pid, SIGKILL) }
    processes.waitUntilGone(all)
    if LabDirectory.exists(directory.networkMarker), let site = try? SiteReader.read(path: directory.siteFile) {
      progress("removing network namespaces")
      try await NetworkBuilder(site: site, directory: directory).removeAll()
      for host in site.hosts { await removeCgroups(host.name) }
    }
    // Mounts of the hosts went with their mount namespaces; what a crash left below the folder is unmounted here.
    for mount in mounts(below: directory.path) { _ = try await Command("umount", "-l", mount).outcome() }
    if LabDirectory.exists(directory.path) {
      progress("removing \(directory.path)")
      try await Command("rm", "-rf", "--one-file-system", directory.path).run()
    }
  }

  static func mounts(below folder: String) -> [String] {
    let table: String = LabDirectory.read("/proc/self/mounts") ?? ""
    return table.split(separator: "\n").compactMap { line in
      let words: [Substring] = line.split(separator: " ")
      return words.count > 1 && words[1].hasPrefix(folder + "/") ? String(words[1]) : nil
    }.reversed()
  }

  /// The kubelets put their pods' control groups below `/tricenter/HOST` in every hierarchy.
  public static func cgroupParent(_ host: HostName) -> String { "/tricenter/\(host)" }

  static func removeCgroups(_ host: HostName) async {
    for root in ["/sys/fs/cgroup"] + LabDirectory.entries("/sys/fs/cgroup").map({ "/sys/fs/cgroup/\($0)" }) {
      let folder = "\(root)\(cgroupParent(host))"
      guard LabDirectory.exists(folder) else { continue }
      // Only folders can be removed in a control group file system, deepest first.
      _ = try? await Command("find", folder, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").outcome()
      rmdir("\(root)/tricenter")
    }
  }
}
