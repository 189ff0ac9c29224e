/// The `scale` endpoint: one number of any kind that has replicas, as autoscaling/v1 Scale.
extension ResourceDefinition {
  /// The Scale that stands for a Deployment or ReplicaSet.
  public func scale(of object: KubeObject) -> KubeObject {
    var metadata: JSONValue = [:]
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] { metadata[field] = object.metadata[field] }
    var status: JSONValue = ["replicas": .int(object.status["replicas"].int ?? 0)]
    if let selector: LabelSelector = try? LabelSelector(object: object.spec["selector"]) {
      status["selector"] = .string(selector.description)
    }
    return KubeObject([
      "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": ["replicas": .int(object.spec["replicas"].int ?? 0)],
      "status": status,
    ])
  }

  /// Takes the number of a Scale into the object, with the Scale's resourceVersion (the caller compares it).
  public func apply(scale: KubeObject, to object: inout KubeObject) -> [FieldError] {
    let replicas: Int64 = scale.spec["replicas"].int ?? 0
    guard replicas >= 0 else {
      return [.invalid(FieldPath("spec.replicas"), .int(replicas), "must be greater than or equal to 0")]
    }
    object.json["spec"]["replicas"] = .int(replicas)
    if !scale.resourceVersion.isEmpty { object.json["metadata"]["resourceVersion"] = .string(scale.resourceVersion) }
    return []
  }

  /// The type of a subresource's body.
  public static func bodyType(_ kind: GroupVersionKind) -> TypeID? {
    switch (kind.group, kind.kind) {
    case ("autoscaling", "Scale"): SchemaTable.shared.id("autoscaling.v1.Scale")
    case ("", "Binding"): SchemaTable.shared.id("core.v1.Binding")
    case ("policy", "Eviction"): SchemaTable.shared.id("policy.v1.Eviction")
    default: Registry.shared.definition(kind: kind)?.type
    }
  }
}
