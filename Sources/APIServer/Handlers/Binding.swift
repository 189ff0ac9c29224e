import KubeModel
import NIOCore

extension Handlers {
  /// `POST pods/NAME/binding`, or the same to `bindings`: gives a pod its node, once.
  func bind(_ context: RequestContext) async throws -> Reply {
    let options = try WriteOptions(context)
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    let binding = KubeObject(try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head)).value)
    try checkKind(binding, kind: "Binding", apiVersion: "v1")
    var info: RequestInfo = context.info
    if info.name.isEmpty { info.name = binding.name }
    guard binding.name.isEmpty || binding.name == info.name else {
      throw KubeStatus.badRequest("name in URL does not match name in Binding object")
    }
    let target: JSONValue = binding["target"]
    guard let node: String = target["name"].string, !node.isEmpty else {
      throw KubeStatus.invalid(group: "", kind: "Binding", name: info.name, [.required(FieldPath("target.name"))])
    }
    if let kind: String = target["kind"].string, !kind.isEmpty, kind != "Node" {
      throw KubeStatus.invalid(
        group: "", kind: "Binding", name: info.name, [.notSupported(FieldPath("target.kind"), .string(kind), ["Node"])])
    }
    let topology: [String: String] = try await topologyLabels(of: node)
    _ = try await guaranteedUpdate(catalog.pods, info, dryRun: options.isDryRun) { old in
      try checkBinding(old, binding, node)
      var new: KubeObject = old
      new.json["spec"]["nodeName"] = .string(node)
      for (label, value) in topology { new.json["metadata"]["labels"][label] = .string(value) }
      for (annotation, value) in binding.annotations where annotation != WorkloadTier.annotation {
        new.json["metadata"]["annotations"][annotation] = .string(value)
      }
      setScheduled(&new)
      return .write(new, AdmissionPlan())
    }
    return Reply(status: 201, ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201])
  }

  private func checkBinding(_ pod: KubeObject, _ binding: KubeObject, _ node: String) throws {
    let subject = ResourceName(group: "", version: "v1", resource: "pods/binding", kind: "Binding", namespaced: true)
    if !binding.uid.isEmpty, binding.uid != pod.uid {
      throw KubeStatus.uidConflict(subject, name: pod.name, asked: binding.uid, found: pod.uid)
    }
    if !binding.resourceVersion.isEmpty, binding.resourceVersion != pod.resourceVersion {
      throw KubeStatus.conflict(subject, name: pod.name)
    }
    if pod.isBeingDeleted {
      throw KubeStatus.conflict(subject, name: pod.name, "pod \(pod.name) is being deleted, cannot be assigned to a host")
    }
    let assigned: String = pod.spec["nodeName"].string ?? ""
    guard assigned.isEmpty else {
      throw KubeStatus.conflict(subject, name: pod.name, "pod \(pod.name) is already assigned to node \"\(assigned)\"")
    }
    guard pod.spec["schedulingGates"].array.isEmpty else {
      throw KubeStatus.conflict(subject, name: pod.name, "pod \(pod.name) has non-empty .spec.schedulingGates")
    }
  }

  /// The node's place, copied to the pod so that containers can learn it by the downward API (KEP-4742).
  private func topologyLabels(of node: String) async throws -> [String: String] {
    let path = catalog.nodes.path(namespace: "", name: node)
    var found: StoredObject? = catalog.nodes.hub.object(path)
    if found == nil { found = try await storage.get(catalog.nodes, path) }
    let wanted: Set<String> = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"]
    return (found?.labels ?? [:]).filter { wanted.contains($0.key) }
  }

  private func setScheduled(_ pod: inout KubeObject) {
    var conditions: [JSONValue] = pod.status["conditions"].array.filter { $0["type"] != "PodScheduled" }
    conditions.append(["type": "PodScheduled", "status": "True", "lastProbeTime": nil, "lastTransitionTime": .string(now)])
    pod.json["status"]["conditions"] = .array(conditions)
  }

  /// `POST pods/NAME/eviction`: a deletion with the options that the Eviction carries. There are no disruption budgets to ask.
  func evict(_ context: RequestContext) async throws -> Reply {
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    let eviction = KubeObject(try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head)).value)
    try checkKind(eviction, kind: "Eviction", apiVersion: "policy/v1")
    let options = try DeletionOptions(eviction["deleteOptions"], context)
    _ = try await delete(catalog.pods, context.info, options)
    return Reply(status: 201, ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201])
  }
}
