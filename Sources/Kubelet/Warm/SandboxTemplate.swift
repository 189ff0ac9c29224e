import KubeModel
import Primitives

/// What of a pod's sandbox is fixed when it is made. Pods with equal templates can take over each other's sandboxes; the rest (host name,
/// log directory, cgroup of the containers) is given to the runtime with each container, or set afterwards.
struct SandboxTemplate: Hashable, Sendable {
  /// With the pod's own names taken out.
  let configuration: SandboxConfiguration
  /// Stands on prepared sandboxes, so that the next kubelet knows them: FNV-1a over everything, in a fixed order.
  let digest: String

  /// Nil for pods that get no sandbox beforehand: those that are not `warm`, and those whose sandbox takes something of the host that a
  /// running pod may need (its network, its ports).
  init?(_ pod: KubeObject, builder: ConfigurationBuilder) {
    let isHost: Bool = pod.spec["hostNetwork"].bool == true || pod.spec["hostPID"].bool == true || pod.spec["hostIPC"].bool == true
    guard WorkloadTier(pod) == .warm, !isHost, HostPort.of(pod.spec).isEmpty else { return nil }
    var plain: SandboxConfiguration = builder.sandbox(attempt: 0)
    (plain.name, plain.uid, plain.hostname, plain.logDirectory, plain.cgroupParent) = ("", "", "", "", "")
    // Labels are for people; a pod gets more of them when it is bound.
    plain.labels = [:]
    configuration = plain
    digest = Self.digest(of: plain)
  }

  /// The sandbox itself, under a name of its own: it is no pod's yet.
  func prepared(_ serial: String, cgroupRoot: String) -> SandboxConfiguration {
    var sandbox: SandboxConfiguration = configuration
    sandbox.name = Self.uid(serial)
    sandbox.uid = sandbox.name
    sandbox.hostname = "prepared"
    sandbox.cgroupParent = Self.cgroup(sandbox.uid, below: cgroupRoot)
    sandbox.labels = [
      PodLabels.podName: sandbox.name, PodLabels.podNamespace: sandbox.namespace, PodLabels.podUID: sandbox.uid,
    ]
    sandbox.annotations[PodLabels.prepared] = digest
    return sandbox
  }
  static func uid(_ serial: String) -> String { "prepared-\(serial)" }
  /// Beside the pods' cgroups and not called as they are: a fence, which ends whatever runs in those, leaves it alone.
  static func cgroup(_ uid: String, below root: String) -> String { root.isEmpty ? "" : "\(root)/\(uid)" }

  private static func digest(of sandbox: SandboxConfiguration) -> String {
    var parts: [String] = [
      sandbox.namespace, "\(sandbox.sharesProcesses) \(sandbox.privileged)", "\(sandbox.runAsUser ?? -1) \(sandbox.runAsGroup ?? -1)",
      sandbox.supplementalGroups.map(String.init).joined(separator: ","), sandbox.dns.servers.joined(separator: ","),
      sandbox.dns.searches.joined(separator: ","), sandbox.dns.options.joined(separator: ","),
    ]
    parts += sandbox.sysctls.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    parts += sandbox.annotations.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in parts.joined(separator: "\n").utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
