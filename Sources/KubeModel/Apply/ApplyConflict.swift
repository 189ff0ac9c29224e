import Primitives

/// A field that is to change and belongs to somebody else.
struct ApplyConflict: Hashable {
  let manager: ManagedFields.Manager
  let path: [PathElement]

  var field: String { path.map(\.shown).joined() }

  /// The 409 that kubectl turns into its advice on `--force-conflicts`.
  static func status(_ conflicts: [ApplyConflict]) -> KubeStatus {
    let sorted: [ApplyConflict] = conflicts.sorted { ($0.manager.shown, $0.field) < ($1.manager.shown, $1.field) }
    let message: String
    if sorted.count == 1 {
      message = "Apply failed with 1 conflict: conflict with \(sorted[0].manager.shown): \(sorted[0].field)"
    } else {
      var lines: [String] = []
      for (index, conflict) in sorted.enumerated() {
        if index == 0 || sorted[index - 1].manager != conflict.manager { lines.append("conflicts with \(conflict.manager.shown):") }
        lines.append("- \(conflict.field)")
      }
      message = "Apply failed with \(sorted.count) conflicts: \(lines.joined(separator: "\n"))"
    }
    return KubeStatus(
      code: 409, reason: "Conflict", message: message,
      details: [
        "causes": .array(
          sorted.map {
            ["reason": "FieldManagerConflict", "message": .string("conflict with \($0.manager.shown)"), "field": .string($0.field)]
          })
      ])
  }
}

/// Elements of an applied list that cannot be told apart.
enum Duplicates {
  static func check(_ value: JSONValue, _ shape: FieldShape, _ definition: ResourceDefinition, _ object: KubeObject) throws(KubeStatus) {
    guard let problem: String = find(value, shape, "") else { return }
    throw .badRequest("failed to create typed patch object (\(object.key); \(definition.kind)): \(problem)")
  }

  private static func find(_ value: JSONValue, _ shape: FieldShape, _ path: String) -> String? {
    switch (shape.form, value) {
    case (.fields, .object(let object)), (.keys, .object(let object)):
      for member in object.members {
        guard let inner: FieldShape = shape.member(member.key) else { return "\(path).\(member.key): field not declared in schema" }
        if let problem: String = find(member.value, inner, "\(path).\(member.key)") { return problem }
      }
    case (.list, .array(let elements)), (.set, .array(let elements)):
      var seen: Set<PathElement> = []
      for (index, one) in elements.enumerated() {
        guard let name: PathElement = shape.element(one) else {
          return "\(path): element \(index): associative list with keys has an element that omits a key field"
        }
        if !seen.insert(name).inserted { return "\(path): duplicate entries for key \(name.shown)" }
        if let problem: String = find(one, shape.elementShape, path + name.shown) { return problem }
      }
    default: break
    }
    return nil
  }
}

/// The way from client-side to server-side apply: `kubectl apply` kept what it applied in an annotation.
enum LastApplied {
  static let annotation: String = "kubectl.kubernetes.io/last-applied-configuration"

  /// The conflicts that are not about what kubectl itself applied from the client and nobody has changed since.
  static func unexplained(_ conflicts: [ApplyConflict], _ live: KubeObject, _ definition: ResourceDefinition, _ shape: FieldShape)
    -> [ApplyConflict]
  {
    guard let text: String = live.annotations[annotation], let json: JSONValue = try? .parse(text),
      json["apiVersion"].string == definition.name.apiVersion
    else { return conflicts }
    let applied: JSONValue = definition.decode(json).object.json
    let difference: FieldShape.Difference = shape.compare(applied, live.json)
    let mine: FieldSet = shape.fields(of: applied).subtracting(difference.addedOrModified).subtracting(difference.removed)
    return conflicts.filter { !mine.contains($0.path) }
  }

  /// Keeps the annotation in step, where there is one, so that a client-side apply may follow.
  static func refresh(_ object: inout JSONValue, _ applied: KubeObject) {
    guard !object["metadata"]["annotations"][annotation].isNull else { return }
    var config: JSONValue = applied.json
    config["metadata"]["annotations"][annotation] = .null
    object["metadata"]["annotations"][annotation] = .string(config.serialized().text + "\n")
  }
}
