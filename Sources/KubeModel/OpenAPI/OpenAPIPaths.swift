/// The paths of a kind with their operations. kubectl reads two things here: which kind a path serves, and that writes take
/// `fieldValidation`.
struct OpenAPIPaths {
  let version3: Bool
  private var schemas: OpenAPISchemas { OpenAPISchemas(version3: version3) }

  func paths(of definition: ResourceDefinition) -> [(String, JSONValue)] {
    let name: ResourceName = definition.name
    let root: String = name.group.isEmpty ? "/api/\(name.version)" : "/apis/\(name.group)/\(name.version)"
    let collection: String = root + (name.namespaced ? "/namespaces/{namespace}/" : "/") + name.resource
    var result: [(String, JSONValue)] = []
    let object: String = SchemaTable.shared[definition.type].openAPIName
    let list: String = Self.listName(definition)
    var operations: [Operation] = []
    if definition.verbs.contains("list") {
      operations.append(Operation("get", "list", "list", "list or watch objects of kind", answer: list))
    }
    if definition.verbs.contains("create") {
      operations.append(Operation("post", "create", "post", "create", body: object, answer: object))
    }
    if definition.verbs.contains("deletecollection") {
      operations.append(
        Operation("delete", "deleteCollection", "deletecollection", "delete collection of", body: Self.deleteOptions, answer: Self.status))
    }
    result.append((collection, path(definition, operations, kind: definition.kind, parameters: name.namespaced ? ["namespace"] : [])))
    if name.namespaced, definition.verbs.contains("list") {
      result.append(
        (
          "\(root)/\(name.resource)",
          path(
            definition, [Operation("get", "list", "list", "list or watch objects of kind", answer: list, suffix: "ForAllNamespaces")],
            kind: definition.kind, parameters: [])
        ))
    }
    if definition.verbs.contains("get") {
      var operations: [Operation] = [
        Operation("get", "read", "get", "read the specified", answer: object),
        Operation("put", "replace", "put", "replace the specified", body: object, answer: object),
        Operation("delete", "delete", "delete", "delete", body: Self.deleteOptions, answer: Self.status),
        Operation("patch", "patch", "patch", "partially update the specified", body: Self.patch, answer: object),
      ]
      operations.removeAll {
        !definition.verbs.contains(["get": "get", "put": "update", "delete": "delete", "patch": "patch"][$0.method] ?? "")
      }
      result.append(
        (
          collection + "/{name}",
          path(definition, operations, kind: definition.kind, parameters: name.namespaced ? ["name", "namespace"] : ["name"])
        ))
    }
    for subresource in definition.subresources where !subresource.isStream {
      let body: String = ResourceDefinition.bodyType(subresource.kind).map { SchemaTable.shared[$0].openAPIName } ?? object
      let all: [Operation] = [
        Operation("get", "read", "get", "read \(subresource.name) of the specified", answer: body),
        Operation("put", "replace", "put", "replace \(subresource.name) of the specified", body: body, answer: body),
        Operation("patch", "patch", "patch", "partially update \(subresource.name) of the specified", body: Self.patch, answer: body),
        Operation("post", "create", "post", "create \(subresource.name) of", body: body, answer: body),
      ]
      let verbs: [String: String] = ["get": "get", "put": "update", "patch": "patch", "post": "create"]
      result.append(
        (
          "\(collection)/{name}/\(subresource.name)",
          path(
            definition, all.filter { subresource.verbs.contains(verbs[$0.method] ?? "") }, kind: subresource.kind,
            parameters: name.namespaced ? ["name", "namespace"] : ["name"], subresource: subresource.name)
        ))
    }
    return result
  }

  static func listName(_ definition: ResourceDefinition) -> String { SchemaTable.shared[definition.type].openAPIName + "List" }
  static let deleteOptions: String = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
  static let status: String = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
  static let patch: String = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"

  private struct Operation {
    let method: String
    let verb: String
    let action: String
    let text: String
    var body: String?
    let answer: String
    var suffix: String

    init(_ method: String, _ verb: String, _ action: String, _ text: String, body: String? = nil, answer: String, suffix: String = "") {
      self.method = method
      self.verb = verb
      self.action = action
      self.text = text
      self.body = body
      self.answer = answer
      self.suffix = suffix
    }
  }

  private func path(
    _ definition: ResourceDefinition, _ operations: [Operation], kind: GroupVersionKind, parameters: [String], subresource: String = ""
  ) -> JSONValue {
    var item: JSONValue = [:]
    for operation in operations {
      item[operation.method] = self.operation(operation, definition, kind, subresource)
    }
    let descriptions: [String: String] = [
      "name": "name of the \(definition.name.kind)", "namespace": "object name and auth scope, such as for teams and projects",
    ]
    let declared: [JSONValue] = parameters.map { name in
      var parameter: JSONValue = [
        "name": .string(name), "in": "path", "description": .string(descriptions[name] ?? ""), "required": true,
      ]
      addType("string", to: &parameter)
      return parameter
    }
    if !declared.isEmpty { item["parameters"] = .array(declared) }
    return item
  }

  private func addType(_ type: String, to parameter: inout JSONValue) {
    if version3 {
      parameter["schema"] = ["type": .string(type), "uniqueItems": true]
    } else {
      parameter["type"] = .string(type)
      parameter["uniqueItems"] = true
    }
  }

  private func operation(_ operation: Operation, _ definition: ResourceDefinition, _ kind: GroupVersionKind, _ subresource: String)
    -> JSONValue
  {
    let group: String = Self.title(definition.name.group.isEmpty ? "core" : String(definition.name.group.split(separator: ".")[0]))
    let scope: String = definition.name.namespaced && operation.suffix.isEmpty ? "Namespaced" : ""
    let tag: String =
      (definition.name.group.isEmpty ? "core" : definition.name.group.split(separator: ".").first.map(String.init) ?? "") + "_"
      + definition.name.version
    var json: JSONValue = [
      "tags": [.string(tag)], "description": .string("\(operation.text) \(definition.name.kind)"),
      "operationId": .string(
        operation.verb + group + Self.title(definition.name.version) + scope + definition.name.kind + Self.title(subresource)
          + operation.suffix),
    ]
    var parameters: [JSONValue] = OpenAPIParameters.names(operation.action).map { parameter($0) }
    let answer: JSONValue = schemas.reference(operation.answer)
    let media: [String] = ["application/json", "application/yaml"]
    if version3 {
      if let body: String = operation.body {
        let types: [String] = operation.action == "patch" ? PatchFormat.allCases.map(\.rawValue) : ["*/*"]
        json["requestBody"] = [
          "content": .object(JSONObject(types.map { ($0, ["schema": schemas.reference(body)]) })),
          "required": .bool(operation.action != "delete" && operation.action != "deletecollection"),
        ]
      }
      json["parameters"] = .array(parameters)
      json["responses"] = [
        "200": ["description": "OK", "content": .object(JSONObject(media.map { ($0, ["schema": answer]) }))],
        "401": ["description": "Unauthorized"],
      ]
    } else {
      if let body: String = operation.body {
        parameters.insert(
          [
            "name": "body", "in": "body", "required": .bool(operation.action != "delete" && operation.action != "deletecollection"),
            "schema": schemas.reference(body),
          ], at: 0)
      }
      json["consumes"] = operation.action == "patch" ? .array(PatchFormat.allCases.map { .string($0.rawValue) }) : ["*/*"]
      json["produces"] = .array(media.map { .string($0) })
      json["schemes"] = ["https"]
      json["parameters"] = .array(parameters)
      json["responses"] = ["200": ["description": "OK", "schema": answer], "401": ["description": "Unauthorized"]]
    }
    json["x-kubernetes-action"] = .string(operation.action)
    json["x-kubernetes-group-version-kind"] = OpenAPISchemas.kind(kind)
    return json
  }

  private func parameter(_ declared: OpenAPIParameters.Parameter) -> JSONValue {
    var parameter: JSONValue = ["name": .string(declared.name), "in": "query", "description": .string(declared.text)]
    addType(declared.type, to: &parameter)
    return parameter
  }

  private static func title(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
