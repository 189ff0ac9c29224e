import KubeModel
import Primitives

/// What this host can do for pods beyond running them.
struct HostAbilities: Hashable, Sendable {
  /// The kernel enforces AppArmor profiles.
  var hasAppArmor: Bool
  static func read() -> HostAbilities {
    HostAbilities(hasAppArmor: Files.read("/sys/module/apparmor/parameters/enabled", limit: 1)?.first == UInt8(ascii: "Y"))
  }
}

/// Looks at a pod that was bound here before anything of it is made. What this kubelet cannot carry out is refused by name: a pod that
/// runs without something it asked for is worse than one that says why it does not run. Pure.
/// `Tests/KubeletTests/PodFieldsTests.swift` lists every field of a Pod with what becomes of it.
struct PodAdmission {
  var pod: KubeObject
  var abilities: HostAbilities
  var clusterDomain: String = "cluster.local"

  private var spec: JSONValue { pod.spec }
  private var containers: [JSONValue] { spec["initContainers"].array + spec["containers"].array }

  /// Nil: admitted.
  func refusal() -> PodFailure? {
    podRefusal() ?? securityRefusal(spec["securityContext"], "spec.securityContext") ?? sysctlRefusal()
      ?? containers.lazy.compactMap { containerRefusal($0) }.first
  }

  private func podRefusal() -> PodFailure? {
    if let system: String = spec["os"]["name"].string, system != "linux" {
      return PodFailure(
        reason: "PodOSNotSupported", message: "Pod was rejected: this host runs linux, the pod asks for \(system)",
        isFinal: false)
    }
    if spec["hostUsers"].bool == false { return .unsupported("hostUsers: false", "pods share the host's user namespace") }
    if !spec["resourceClaims"].array.isEmpty { return .unsupported("resourceClaims", "there are no resource drivers here") }
    if !spec["resources"]["limits"].stringMap.isEmpty || !spec["resources"]["requests"].stringMap.isEmpty {
      return .unsupported("resources of the pod as a whole", "only those of its containers are enforced")
    }
    if let name: String = spec["runtimeClassName"].string, !name.isEmpty {
      return .unsupported("runtimeClassName \(name)", "this cluster serves no RuntimeClasses")
    }
    if !spec["ephemeralContainers"].array.isEmpty { return .unsupported("ephemeralContainers", "exec into a container instead") }
    let inside: String = PodHostName(pod: pod, clusterDomain: clusterDomain).inside
    if inside.utf8.count > PodHostName.longest {
      return .unsupported("the host name \(inside)", "a kernel's host name has at most \(PodHostName.longest) bytes")
    }
    return nil
  }

  private func securityRefusal(_ context: JSONValue, _ place: String) -> PodFailure? {
    if context["seLinuxOptions"].object != nil {
      return .unsupported("\(place).seLinuxOptions", "the runtime does not label processes here")
    }
    if context["windowsOptions"].object != nil { return .unsupported("\(place).windowsOptions", "this host runs linux") }
    if context["supplementalGroupsPolicy"].string == "Strict" {
      return .unsupported("\(place).supplementalGroupsPolicy Strict", "groups of the image are merged (CRI of containerd 1.6)")
    }
    if let type: String = context["appArmorProfile"]["type"].string, type != "Unconfined", !abilities.hasAppArmor {
      return PodFailure(
        reason: "AppArmor", message: "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host (\(place))",
        isFinal: false)
    }
    if let mount: String = context["procMount"].string, mount != "Default" {
      return .unsupported("\(place).procMount \(mount)", "it needs hostUsers: false")
    }
    return nil
  }

  /// Those that stay inside the pod and cannot starve the host.
  /// https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls
  static let safeSysctls: Set<String> = [
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
  ]

  private func sysctlRefusal() -> PodFailure? {
    for sysctl in spec["securityContext"]["sysctls"].array {
      let name: String = (sysctl["name"].string ?? "").replacing("/", with: ".")
      var why: String?
      if !Self.safeSysctls.contains(name) { why = "not allowlisted" }
      if name.hasPrefix("net."), spec["hostNetwork"].bool == true { why = "not allowed with host net enabled" }
      if name.hasPrefix("kernel."), spec["hostIPC"].bool == true { why = "not allowed with host ipc enabled" }
      if let why {
        return PodFailure(reason: "SysctlForbidden", message: "Pod was rejected: forbidden sysctl: \"\(name)\" \(why)", isFinal: false)
      }
    }
    return nil
  }

  private func containerRefusal(_ container: JSONValue) -> PodFailure? {
    let place: String = "container \(container["name"].string ?? "")"
    if let refusal: PodFailure = securityRefusal(container["securityContext"], place) { return refusal }
    let isInit: Bool = spec["initContainers"].array.contains { $0["name"] == container["name"] }
    if let policy: String = container["restartPolicy"].string, !(isInit && policy == "Always") {
      return .unsupported("restartPolicy \(policy) of \(place)", "the pod's holds for all, except for sidecars")
    }
    if !container["restartPolicyRules"].array.isEmpty {
      return .unsupported("restartPolicyRules of \(place)", "the pod's restartPolicy holds for all")
    }
    if container["lifecycle"]["stopSignal"].string != nil {
      return .unsupported("lifecycle.stopSignal of \(place)", "the image's STOPSIGNAL is sent (CRI of containerd 1.6)")
    }
    if !container["volumeDevices"].array.isEmpty { return .unsupported("volumeDevices of \(place)", "there are no block volumes here") }
    if container["volumeMounts"].array.contains(where: { $0["recursiveReadOnly"].string == "Enabled" }) {
      return .unsupported("recursiveReadOnly: Enabled of \(place)", "mounts below a read-only one stay writable (CRI of containerd 1.6)")
    }
    let resources: JSONValue = container["resources"]
    if !resources["claims"].array.isEmpty { return .unsupported("resources.claims of \(place)", "there are no resource drivers here") }
    for name in Array(resources["limits"].stringMap.keys) + Array(resources["requests"].stringMap.keys) where name.hasPrefix("hugepages-") {
      return .unsupported("\(name) of \(place)", "huge pages are not counted here")
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
      if container[probe]["httpGet"]["scheme"].string?.uppercased() == "HTTPS" {
        return .unsupported("\(probe) by HTTPS of \(place)", "HTTP, TCP, gRPC and exec probes are")
      }
    }
    return nil
  }

  /// What is admitted and yet not as somebody may expect: told as events.
  func warnings() -> [PodEvent] {
    guard spec["automountServiceAccountToken"].bool == true else { return [] }
    return [
      .warning(
        "NoServiceAccountToken",
        "automountServiceAccountToken is true, but this cluster issues no tokens: nothing is at /var/run/secrets/kubernetes.io/serviceaccount"
      )
    ]
  }
}
