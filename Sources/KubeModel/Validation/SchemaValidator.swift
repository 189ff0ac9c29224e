/// What a table alone can tell: required fields and enums.
struct SchemaValidator {
  private(set) var errors: [FieldError] = []

  /// Required by the table, and yet allowed to be absent or empty: Go writes them without `omitempty`, nobody demands them.
  private static let lax: Set<String> = [
    "HTTPHeader.value", "Sysctl.value", "EndpointSlice.endpoints", "Endpoint.addresses", "EnvVar.name", "PodSpec.containers",
    "PodCondition.status", "LabelSelectorRequirement.operator", "DeploymentSpec.selector", "DeploymentSpec.template", "Container.name",
    "ContainerPort.containerPort", "VolumeMount.name", "VolumeMount.mountPath", "Volume.name", "ServicePort.port", "HTTPGetAction.port",
    "TCPSocketAction.port", "GRPCAction.port", "PodReadinessGate.conditionType", "ClusterSpec.centers", "Event.eventTime",
  ]

  mutating func check(_ value: JSONValue, _ type: ValueType, _ path: FieldPath) {
    switch type {
    case .object(let id):
      let type: SchemaType = SchemaTable.shared[id]
      guard type.scalar == nil, case .object = value else { return }
      for field in type.fields { check(value, type, field, path) }
    case .list(let element):
      for (index, one) in value.array.enumerated() { check(one, element, path.index(index)) }
    case .map(let element):
      if case .object = element, let object: JSONObject = value.object {
        for member in object.members { check(member.value, element, path.key(member.key)) }
      }
    default: break
    }
  }

  private mutating func check(_ object: JSONValue, _ type: SchemaType, _ field: SchemaField, _ path: FieldPath) {
    let value: JSONValue = object[field.name]
    if value.isNull || value == "" {
      if field.isRequired, !Self.lax.contains("\(type.shortName).\(field.name)") { errors.append(.required(path.child(field.name))) }
      return
    }
    if !field.allowed.isEmpty, let text: String = value.string, !field.allowed.contains(text) {
      errors.append(.notSupported(path.child(field.name), value, field.allowed))
    }
    switch field.type {
    case .object, .list, .map: check(value, field.type, path.child(field.name))
    default: break
    }
  }
}
