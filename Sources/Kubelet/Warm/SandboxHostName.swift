import CLinux
import Glibc
import Primitives

/// The name inside a sandbox that was made before anybody knew whose it would be. `uname` of all its containers shows it, since they share
/// the sandbox's UTS namespace (uts_namespaces(7)).
enum SandboxHostName {
  /// Sets it in the namespace of the processes in a cgroup. The calling thread is in that namespace for three system calls, without
  /// giving itself up in between.
  static func set(_ name: String, below cgroup: String) throws {
    guard let pid: pid_t = CgroupKiller.processes(below: cgroup).min() else {
      throw KubeletError(.runtimeFailed, "No process of the sandbox is to be found in the cgroup \(cgroup).")
    }
    let own: Int32 = open("/proc/thread-self/ns/uts", O_RDONLY | O_CLOEXEC)
    guard own >= 0 else { throw failure("The own host name's namespace cannot be opened") }
    defer { close(own) }
    let other: Int32 = open("/proc/\(pid)/ns/uts", O_RDONLY | O_CLOEXEC)
    guard other >= 0 else { throw failure("The namespace of process \(pid) cannot be opened") }
    defer { close(other) }
    guard tricenter_setns(other, Int32(TRICENTER_CLONE_NEWUTS)) == 0 else { throw failure("The sandbox's namespace cannot be entered") }
    let result: Int32 = sethostname(name, name.utf8.count)
    let reason: String = String(cString: strerror(errno))
    precondition(
      tricenter_setns(own, Int32(TRICENTER_CLONE_NEWUTS)) == 0, "a thread of the kubelet is stuck in the namespace of process \(pid)")
    guard result == 0 else { throw KubeletError(.runtimeFailed, "The sandbox cannot be called '\(name)': \(reason).") }
  }

  private static func failure(_ what: String) -> KubeletError {
    KubeletError(.runtimeFailed, "\(what): \(String(cString: strerror(errno))).")
  }
}
