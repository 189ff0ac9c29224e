/// Types as OpenAPI schemas. Versions 2 and 3 differ in where definitions lie and in what may stand beside a reference.
struct OpenAPISchemas {
  let version3: Bool

  func reference(_ name: String) -> JSONValue {
    ["$ref": .string((version3 ? "#/components/schemas/" : "#/definitions/") + name)]
  }

  /// The definition of a type.
  func definition(_ type: SchemaType) -> JSONValue {
    var schema: JSONValue = [:]
    let description: String = type.description
    if !description.isEmpty { schema["description"] = .string(description) }
    switch type.scalar {
    case .quantity:
      if version3 { schema["oneOf"] = [["type": "string"], ["type": "number"]] } else { schema["type"] = "string" }
    case .intOrString:
      schema["format"] = "int-or-string"
      if version3 { schema["oneOf"] = [["type": "integer"], ["type": "string"]] } else { schema["type"] = "string" }
    case .time, .microTime:
      schema["type"] = "string"
      schema["format"] = "date-time"
    case .some: schema["type"] = "object"
    case nil:
      schema["type"] = "object"
      if !type.fields.isEmpty {
        schema["properties"] = .object(JSONObject(members: type.fields.map { JSONObject.Member(key: $0.name, value: property($0)) }))
      }
      let required: [JSONValue] = type.fields.filter(\.isRequired).map { .string($0.name) }
      if !required.isEmpty { schema["required"] = .array(required) }
    }
    if type.isAtomicMap { schema["x-kubernetes-map-type"] = "atomic" }
    if !type.kinds.isEmpty { schema["x-kubernetes-group-version-kind"] = .array(type.kinds.map(Self.kind)) }
    return schema
  }

  static func kind(_ kind: GroupVersionKind) -> JSONValue {
    ["group": .string(kind.group), "kind": .string(kind.kind), "version": .string(kind.version)]
  }

  private func property(_ field: SchemaField) -> JSONValue {
    var schema: JSONValue = value(field.type)
    // Version 3 ignores what stands beside a reference, so the reference is wrapped.
    if version3, !schema["$ref"].isNull { schema = ["allOf": [schema]] }
    let description: String = field.description
    if !description.isEmpty { schema["description"] = .string(description) }
    if version3, let fallback: JSONValue = field.defaultValue { schema["default"] = fallback }
    if version3, !field.allowed.isEmpty { schema["enum"] = .array(field.allowed.map { .string($0) }) }
    switch field.list {
    case .atomic: schema["x-kubernetes-list-type"] = "atomic"
    case .set: schema["x-kubernetes-list-type"] = "set"
    case .map(let keys):
      schema["x-kubernetes-list-type"] = "map"
      schema["x-kubernetes-list-map-keys"] = .array(keys.map { .string($0) })
    case nil: break
    }
    if field.isAtomicMap { schema["x-kubernetes-map-type"] = "atomic" }
    if let patch: PatchStrategy = field.patch {
      schema["x-kubernetes-patch-strategy"] = .string(
        [patch.merge ? "merge" : nil, patch.retainKeys ? "retainKeys" : nil].compactMap(\.self).joined(separator: ","))
      if let key: String = patch.mergeKey { schema["x-kubernetes-patch-merge-key"] = .string(key) }
    }
    return schema
  }

  private func value(_ type: ValueType) -> JSONValue {
    switch type {
    case .string: return ["type": "string"]
    case .boolean: return ["type": "boolean"]
    case .int32: return ["type": "integer", "format": "int32"]
    case .int64: return ["type": "integer", "format": "int64"]
    case .number: return ["type": "number", "format": "double"]
    case .bytes: return ["type": "string", "format": "byte"]
    case .quantity: return reference("io.k8s.apimachinery.pkg.api.resource.Quantity")
    case .time: return reference("io.k8s.apimachinery.pkg.apis.meta.v1.Time")
    case .microTime: return reference("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime")
    case .intOrString: return reference("io.k8s.apimachinery.pkg.util.intstr.IntOrString")
    case .any: return ["type": "object"]
    case .object(let id): return reference(SchemaTable.shared[id].openAPIName)
    case .list(let element):
      let items: JSONValue = value(element)
      return ["type": "array", "items": version3 && !items["$ref"].isNull ? ["allOf": [items]] : items]
    case .map(let element):
      let values: JSONValue = value(element)
      return ["type": "object", "additionalProperties": version3 && !values["$ref"].isNull ? ["allOf": [values]] : values]
    }
  }

  /// The definition of a kind's list.
  func list(_ definition: ResourceDefinition) -> JSONValue {
    let meta: SchemaTable = .shared
    func described(_ schema: JSONValue, _ text: String) -> JSONValue {
      var schema: JSONValue = version3 && !schema["$ref"].isNull ? ["allOf": [schema]] : schema
      schema["description"] = .string(text)
      return schema
    }
    let item: JSONValue = reference(meta[definition.type].openAPIName)
    return [
      "description": .string("\(definition.listKind) is a list of \(definition.name.kind) objects."),
      "type": "object", "required": ["items"],
      "properties": [
        "apiVersion": described(["type": "string"], meta[definition.type].field("apiVersion")?.description ?? ""),
        "items": described(["type": "array", "items": version3 ? ["allOf": [item]] : item], "The objects."),
        "kind": described(["type": "string"], meta[definition.type].field("kind")?.description ?? ""),
        "metadata": described(reference("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"), "Standard list metadata."),
      ],
      "x-kubernetes-group-version-kind": [
        Self.kind(GroupVersionKind(group: definition.name.group, version: definition.name.version, kind: definition.listKind))
      ],
    ]
  }

  /// The types that a type is made of, itself included.
  static func closure(of roots: [TypeID]) -> [TypeID] {
    var seen: Set<TypeID> = []
    var open: [TypeID] = roots
    func visit(_ type: ValueType) {
      switch type {
      case .object(let id): open.append(id)
      case .list(let element), .map(let element): visit(element)
      case .quantity: if let id: TypeID = SchemaTable.shared.id("resource.Quantity") { open.append(id) }
      case .time: if let id: TypeID = SchemaTable.shared.id("meta.v1.Time") { open.append(id) }
      case .microTime: if let id: TypeID = SchemaTable.shared.id("meta.v1.MicroTime") { open.append(id) }
      case .intOrString: if let id: TypeID = SchemaTable.shared.id("intstr.IntOrString") { open.append(id) }
      default: break
      }
    }
    while let id: TypeID = open.popLast() {
      guard seen.insert(id).inserted else { continue }
      for field in SchemaTable.shared[id].fields { visit(field.type) }
    }
    return seen.sorted { SchemaTable.shared[$0].openAPIName < SchemaTable.shared[$1].openAPIName }
  }
}
