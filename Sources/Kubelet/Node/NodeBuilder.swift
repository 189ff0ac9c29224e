import KubeModel
import Primitives

/// Builds the Node that stands for this host. Pure. k8s: NodeSpec, NodeStatus v1 core.
public struct NodeBuilder: Sendable {
  public var configuration: KubeletConfiguration
  public var facts: HostFacts

  public init(configuration: KubeletConfiguration, facts: HostFacts) {
    self.configuration = configuration
    self.facts = facts
  }

  /// Conditions' inputs at one moment: nil is well, otherwise the sentence that is shown.
  public struct Health: Hashable, Sendable {
    public var runtimeProblem: String?
    public var networkProblem: String?
    public var diskProblem: String?
    public var fenced: String?
    public init(runtimeProblem: String? = nil, networkProblem: String? = nil, diskProblem: String? = nil, fenced: String? = nil) {
      self.runtimeProblem = runtimeProblem
      self.networkProblem = networkProblem
      self.diskProblem = diskProblem
      self.fenced = fenced
    }
  }

  public var labels: [String: String] {
    let own: [String: String] = [
      "kubernetes.io/hostname": configuration.hostName.value,
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": facts.architecture,
      "topology.kubernetes.io/zone": configuration.center.value,
      "topology.kubernetes.io/region": configuration.city,
      "federation.tricenter.io/center": configuration.center.value,
    ]
    return configuration.labels.merging(own) { $1 }
  }

  public var annotations: [String: String] {
    var annotations: [String: String] = configuration.annotations
    if case .simulated = configuration.runtime {
      annotations["tricenter.io/runtime"] = "simulated: pods of this node have no containers and serve nothing"
    }
    return annotations
  }

  /// For creating it.
  public var object: KubeObject {
    var node = KubeObject([
      "apiVersion": "v1", "kind": "Node",
      "metadata": ["name": .string(configuration.hostName.value), "labels": JSONValue(labels)],
    ])
    if !annotations.isEmpty { node.metadata["annotations"] = JSONValue(annotations) }
    node.spec = ["podCIDR": .string(configuration.podCIDR), "podCIDRs": [.string(configuration.podCIDR)]]
    return node
  }

  /// What is written when a Node of this name is already there: other people's labels, taints and `unschedulable` stay.
  public var adoption: JSONValue {
    var metadata: JSONValue = ["labels": JSONValue(labels)]
    if !annotations.isEmpty { metadata["annotations"] = JSONValue(annotations) }
    return ["metadata": metadata, "spec": ["podCIDR": .string(configuration.podCIDR), "podCIDRs": [.string(configuration.podCIDR)]]]
  }

  public var capacity: [String: String] {
    var pods: Int = KubeletLimits.pods
    if case .simulated = configuration.runtime { pods = KubeletLimits.simulatedPods }
    let measured: [String: String] = [
      "cpu": String(facts.processors), "memory": "\(facts.memoryBytes / 1_024)Ki", "pods": String(pods),
      "ephemeral-storage": "\(HostFacts.disk(configuration.rootDirectory).all / 1_024)Ki",
    ]
    return measured.merging(configuration.capacity) { $1 }
  }

  /// Capacity without what is reserved for the host itself.
  public var allocatable: [String: String] {
    var left: [String: String] = capacity
    for (name, reserved) in configuration.reserved {
      guard let all = Quantity(left[name] ?? "0"), let taken = Quantity(reserved) else { continue }
      left[name] = (all < taken ? Quantity.zero : all - taken).description
    }
    return left
  }

  /// `before`: the status that the API has, for the times of conditions that did not change.
  public func status(health: Health, images: [ImageFacts], runtimeVersion: String, before: JSONValue, now: WallTime) -> JSONValue {
    var status: JSONValue = [
      "capacity": JSONValue(capacity),
      "allocatable": JSONValue(allocatable),
      "addresses": [
        ["type": "InternalIP", "address": .string(configuration.address)],
        ["type": "Hostname", "address": .string(configuration.hostName.value)],
      ],
      "daemonEndpoints": ["kubeletEndpoint": ["Port": .int(Int64(configuration.kubeletPort))]],
      "nodeInfo": [
        "machineID": .string(facts.machineID), "systemUUID": .string(facts.machineID), "bootID": .string(facts.bootID),
        "kernelVersion": .string(facts.kernelVersion), "osImage": .string(facts.operatingSystemImage),
        "containerRuntimeVersion": .string(runtimeVersion), "kubeletVersion": .string(KubeletConfiguration.version),
        "kubeProxyVersion": .string(KubeletConfiguration.version), "operatingSystem": "linux", "architecture": .string(facts.architecture),
      ],
    ]
    // Largest first, as upstream: the scheduler's image locality looks at the large ones.
    status["images"] = .array(
      images.sorted { ($1.sizeBytes, $0.id) < ($0.sizeBytes, $1.id) }.prefix(KubeletLimits.nodeImages).map { image in
        ["names": .array(image.names.sorted().map { .string($0) }), "sizeBytes": .int(Int64(clamping: image.sizeBytes))]
      })
    status["conditions"] = .array(conditions(health, before: before["conditions"].array, now: now))
    return status
  }

  private func conditions(_ health: Health, before: [JSONValue], now: WallTime) -> [JSONValue] {
    let problem: String? = health.runtimeProblem ?? health.networkProblem
    let simulated: Bool = if case .simulated = configuration.runtime { true } else { false }
    let ready: (Bool, String, String) =
      problem.map { (false, "KubeletNotReady", $0) } ?? (true, "KubeletReady", "kubelet is posting ready status")
    var conditions: [(String, (Bool, String, String))] = [
      ("MemoryPressure", (false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available")),
      (
        "DiskPressure",
        health.diskProblem.map { (true, "KubeletHasDiskPressure", $0) }
          ?? (false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure")
      ),
      ("PIDPressure", (false, "KubeletHasSufficientPID", "kubelet has sufficient PID available")),
      ("Ready", ready),
      (
        "federation.tricenter.io/Fenced",
        health.fenced.map { (true, "ActivationNotHeld", $0) } ?? (false, "ActivationHeld", "exclusive pods may run")
      ),
    ]
    if simulated {
      conditions.append(("tricenter.io/Simulated", (true, "NoContainers", "pods of this node have no containers and serve nothing")))
    }
    let own: Set<String> = Set(conditions.map(\.0))
    return conditions.map { type, value in
      let status: String = value.0 ? "True" : "False"
      let old: JSONValue? = before.first { $0["type"].string == type }
      let since: String? = old?["status"].string == status ? old?["lastTransitionTime"].string : nil
      return [
        "type": .string(type), "status": .string(status), "reason": .string(value.1), "message": .string(value.2),
        "lastHeartbeatTime": .string(now.rfc3339), "lastTransitionTime": .string(since ?? now.rfc3339),
      ]
    } + before.filter { !own.contains($0["type"].string ?? "") }
  }
}
