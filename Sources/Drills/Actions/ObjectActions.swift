import KubeClient
import KubeModel
import Primitives

enum ObjectActions {
  /// Waits until an object is there (or gone), has a condition, or a value at a path.
  @Sendable static func wait(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let reference: ObjectReference = try ObjectReference.parse(call["object"]).get()
    let isWanted: Bool = call["exists"] != "false"
    guard call["equals"].isEmpty || !call["path"].isEmpty else {
      throw DrillError(.badRunbook, "object.wait compares what stands at a path: `equals` needs `path`.")
    }
    return try await context.until(call.deadline) {
      guard let object = try await context.client.find(reference.resource, namespace: reference.namespace, name: reference.name) else {
        guard isWanted else { return "\(reference) is not there" }
        throw DrillError(.notMet, "\(reference) is not there.")
      }
      guard isWanted else { throw DrillError(.notMet, "\(reference) is still there.") }
      var found: [String] = []
      if !call["condition"].isEmpty { found.append(try condition(call["condition"], of: object, reference)) }
      if !call["path"].isEmpty { found.append(try value(call["path"], equals: call.inputs["equals"], of: object, reference)) }
      return found.isEmpty ? "\(reference) is there" : "\(reference): \(found.joined(separator: ", "))"
    }
  }

  /// `Available` or `Ready=False`, as `kubectl wait --for=condition=` takes it. Only what the object's controller says of its newest spec
  /// counts.
  private static func condition(_ text: String, of object: KubeObject, _ reference: ObjectReference) throws -> String {
    let parts: [Substring] = text.split(separator: "=", maxSplits: 1)
    let (type, wanted): (String, String) = (String(parts.first ?? ""), parts.count > 1 ? String(parts[1]) : "True")
    let condition: JSONValue = object.status["conditions"].array.first { $0["type"].string == type } ?? .null
    let observed: Int64? = condition["observedGeneration"].int ?? object.status["observedGeneration"].int
    guard condition["status"].string?.lowercased() == wanted.lowercased(), observed == nil || observed == object.generation else {
      let told: String = condition.isNull ? "no condition \(type)" : "\(type)=\(condition["status"].string ?? "")"
      throw DrillError(.notMet, "\(reference) has \(told) \(condition["message"].string ?? "").")
    }
    return "\(type)=\(wanted)"
  }

  private static func value(_ path: String, equals wanted: String?, of object: KubeObject, _ reference: ObjectReference) throws -> String {
    let found: JSONValue = try JSONPath(path).value(in: object.json)
    let text: String = found.string ?? (found.isNull ? "" : String(decoding: found.serialized(), as: UTF8.self))
    if let wanted {
      guard text == wanted else { throw DrillError(.notMet, "\(reference) has \"\(text)\" at \(path), not \"\(wanted)\".") }
    } else if found.isNull {
      throw DrillError(.notMet, "\(reference) has nothing at \(path).")
    }
    return "\(path) is \(text.prefix(120))"
  }
}

/// The part of kubectl's JSONPath that picks one value: `.status.phase`, `{.spec.ports[0].port}`, `.metadata.annotations['a.b/c']`.
struct JSONPath {
  private enum Part {
    case member(String)
    case element(Int)
  }
  private var parts: [Part] = []

  init(_ text: String) throws {
    var rest: Substring = text[...]
    if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
    func refused() -> DrillError { DrillError(.badRunbook, "\"\(text)\" is no path such as .status.phase or .spec.ports[0].port") }
    while let first: Character = rest.first {
      if first == "[" {
        guard let end: Substring.Index = rest.firstIndex(of: "]") else { throw refused() }
        let inside: Substring = rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
        if inside.count >= 2, inside.first == "'", inside.last == "'" {
          parts.append(.member(String(inside.dropFirst().dropLast())))
        } else {
          guard let number = Int(inside), number >= 0 else { throw refused() }
          parts.append(.element(number))
        }
        continue
      }
      if first == "." { rest = rest.dropFirst() }
      let name: Substring = rest.prefix { $0 != "." && $0 != "[" }
      guard !name.isEmpty, !name.contains("*"), !name.contains("?") else { throw refused() }
      parts.append(.member(String(name)))
      rest = rest[name.endIndex...]
    }
    if parts.isEmpty { throw refused() }
  }

  func value(in document: JSONValue) -> JSONValue {
    parts.reduce(document) { value, part in
      switch part {
      case .member(let name): value[name]
      case .element(let index): value[index]
      }
    }
  }
}
