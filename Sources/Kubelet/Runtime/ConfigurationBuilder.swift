import KubeModel
import Primitives

/// Builds what the runtime is given from a Pod's JSON. Pure.
struct ConfigurationBuilder {
  var settings: KubeletConfiguration
  var pod: KubeObject
  /// For the out-of-memory score of burstable pods; 0 leaves it out.
  var hostMemoryBytes: Int64 = 0
  var hostResolver: @Sendable () -> DNSSettings = { .ofHost }

  var logDirectory: String { "\(settings.logDirectory)/\(pod.namespace)_\(pod.name)_\(pod.uid)" }
  var cgroupParent: String { settings.cgroupRoot.isEmpty ? "" : "\(settings.cgroupRoot)/pod\(pod.uid)" }

  var hostName: PodHostName { PodHostName(pod: pod, clusterDomain: settings.clusterDomain) }

  func sandbox(attempt: UInt32) -> SandboxConfiguration {
    let spec: JSONValue = pod.spec
    let context: JSONValue = spec["securityContext"]
    let hostNetwork: Bool = spec["hostNetwork"].bool ?? false
    var sandbox = SandboxConfiguration(
      name: pod.name, uid: pod.uid, namespace: pod.namespace, attempt: attempt,
      hostname: hostNetwork ? settings.hostName.value : hostName.inside,
      logDirectory: logDirectory, dns: dns(hostNetwork: hostNetwork), cgroupParent: cgroupParent)
    sandbox.labels = pod.labels
    sandbox.labels[PodLabels.podName] = pod.name
    sandbox.labels[PodLabels.podNamespace] = pod.namespace
    sandbox.labels[PodLabels.podUID] = pod.uid
    sandbox.annotations[PodLabels.hot] = PodBlueprint.isExclusive(pod) ? "false" : "true"
    sandbox.hostNetwork = hostNetwork
    if !hostNetwork { sandbox.hostPorts = HostPort.of(spec) }
    sandbox.hostPID = spec["hostPID"].bool ?? false
    sandbox.hostIPC = spec["hostIPC"].bool ?? false
    sandbox.sharesProcesses = spec["shareProcessNamespace"].bool ?? false
    sandbox.privileged = (spec["containers"].array + spec["initContainers"].array).contains {
      $0["securityContext"]["privileged"].bool == true
    }
    sandbox.runAsUser = context["runAsUser"].int
    sandbox.runAsGroup = context["runAsUser"].int == nil ? nil : context["runAsGroup"].int
    sandbox.supplementalGroups = context["supplementalGroups"].array.compactMap(\.int) + [context["fsGroup"].int].compactMap { $0 }
    for sysctl in context["sysctls"].array { sandbox.sysctls[sysctl["name"].string ?? ""] = sysctl["value"].string ?? "" }
    return sandbox
  }

  /// k8s: dnsPolicy, dnsConfig. `Default` leaves the runtime to copy the host's resolv.conf.
  private func dns(hostNetwork: Bool) -> DNSSettings {
    var policy: String = pod.spec["dnsPolicy"].string ?? "ClusterFirst"
    if policy == "ClusterFirst", hostNetwork { policy = "Default" }
    var dns = DNSSettings()
    if policy == "ClusterFirst" || policy == "ClusterFirstWithHostNet", !settings.clusterDNS.isEmpty {
      let domain: String = settings.clusterDomain
      dns = DNSSettings(
        servers: settings.clusterDNS, searches: ["\(pod.namespace).svc.\(domain)", "svc.\(domain)", domain], options: ["ndots:5"])
    }
    let extra: JSONValue = pod.spec["dnsConfig"]
    // What the pod adds would otherwise replace what the runtime copies from the host.
    if policy == "Default", extra.object?.isEmpty == false { dns = hostResolver() }
    dns.servers += extra["nameservers"].array.compactMap(\.string)
    dns.searches += extra["searches"].array.compactMap(\.string)
    dns.options += extra["options"].array.map { option in
      option["value"].string.map { "\(option["name"].string ?? ""):\($0)" } ?? option["name"].string ?? ""
    }
    return dns
  }

  func container(
    _ json: JSONValue, attempt: UInt32, environment: [EnvironmentVariable], mounts: [ContainerMount]
  ) -> ContainerConfiguration {
    var container = ContainerConfiguration(name: json["name"].string ?? "", attempt: attempt, image: json["image"].string ?? "")
    var values: [String: String] = [:]
    for variable in environment { values[variable.name] = variable.value }
    container.command = json["command"].array.compactMap(\.string).map { Expansion.expand($0) { values[$0] } }
    container.arguments = json["args"].array.compactMap(\.string).map { Expansion.expand($0) { values[$0] } }
    container.workingDirectory = json["workingDir"].string ?? ""
    container.environment = environment
    container.mounts = mounts
    container.labels = [
      PodLabels.podName: pod.name, PodLabels.podNamespace: pod.namespace, PodLabels.podUID: pod.uid,
      PodLabels.containerName: container.name,
    ]
    container.annotations = [
      PodLabels.restartCount: String(attempt), PodLabels.image: container.image,
      PodLabels.terminationMessagePath: json["terminationMessagePath"].string ?? "/dev/termination-log",
    ]
    container.logPath = "\(container.name)/\(attempt).log"
    container.standardInput = json["stdin"].bool ?? false
    container.standardInputOnce = json["stdinOnce"].bool ?? false
    container.terminal = json["tty"].bool ?? false
    container.resources = resources(json["resources"])
    container.resources.oomScoreAdjustment = outOfMemoryScore(json)
    container.security = security(json["securityContext"])
    return container
  }

  /// CPU shares and quota as the upstream kubelet computes them (k8s: "How Pods with resource limits are run").
  func resources(_ json: JSONValue) -> ContainerResources {
    var resources = ContainerResources()
    let limit: Quantity? = Quantity(json: json["limits"]["cpu"])
    let request: Quantity? = Quantity(json: json["requests"]["cpu"]) ?? limit
    resources.cpuShares = max(2, (request?.milliValue ?? 0) * 1_024 / 1_000)
    if let limit, !limit.isZero {
      resources.cpuPeriod = 100_000
      resources.cpuQuota = max(1_000, limit.milliValue * 100)
    }
    resources.memoryLimitBytes = Quantity(json: json["limits"]["memory"])?.value ?? 0
    return resources
  }

  /// Who is killed first when memory runs out: pods without requests, then those that use more than they asked for.
  /// https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior
  func outOfMemoryScore(_ container: JSONValue) -> Int64 {
    if pod.spec["priority"].int ?? 0 >= 2_000_001_000 { return -997 }
    switch QualityOfService.of(pod.spec) {
    case "Guaranteed": return -997
    case "BestEffort": return 1_000
    default:
      guard hostMemoryBytes > 0 else { return 999 }
      let request: Int64 = Quantity(json: container["resources"]["requests"]["memory"])?.value ?? 0
      return min(999, max(3, 1_000 - (1_000 * (request / 1_024)) / (hostMemoryBytes / 1_024)))
    }
  }

  private func security(_ own: JSONValue) -> ContainerSecurity {
    let common: JSONValue = pod.spec["securityContext"]
    var security = ContainerSecurity()
    security.privileged = own["privileged"].bool ?? false
    security.runAsUser = own["runAsUser"].int ?? common["runAsUser"].int
    security.runAsGroup = own["runAsGroup"].int ?? common["runAsGroup"].int
    security.readOnlyRoot = own["readOnlyRootFilesystem"].bool ?? false
    security.addedCapabilities = own["capabilities"]["add"].array.compactMap(\.string)
    security.droppedCapabilities = own["capabilities"]["drop"].array.compactMap(\.string)
    security.noNewPrivileges = own["allowPrivilegeEscalation"].bool == false
    security.supplementalGroups = common["supplementalGroups"].array.compactMap(\.int) + [common["fsGroup"].int].compactMap { $0 }
    let seccomp: JSONValue = own["seccompProfile"].object == nil ? common["seccompProfile"] : own["seccompProfile"]
    security.seccomp =
      switch seccomp["type"].string {
      case "RuntimeDefault": .runtimeDefault
      case "Localhost": .localhost("\(settings.rootDirectory)/seccomp/\(seccomp["localhostProfile"].string ?? "")")
      default: .unconfined
      }
    let armor: JSONValue = own["appArmorProfile"].object == nil ? common["appArmorProfile"] : own["appArmorProfile"]
    security.appArmor =
      switch armor["type"].string {
      case "RuntimeDefault": .runtimeDefault
      case "Localhost": .localhost(armor["localhostProfile"].string ?? "")
      case "Unconfined": .unconfined
      default: nil
      }
    return security
  }
}
