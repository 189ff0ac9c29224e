import KubeClient
import KubeModel
import Primitives

@testable import Controllers

/// Actions as a person reads them. Updates are shown as what they change (RFC 7386), not as whole objects.
enum ActionText {
  static func json(_ actions: [Action], given: [KubeObject]) -> JSONValue { .array(actions.map { json($0, given: given) }) }

  private static func json(_ action: Action, given: [KubeObject]) -> JSONValue {
    func place(_ resource: ResourceName, _ namespace: String, _ name: String, _ subresource: String? = nil) -> JSONValue {
      .string("\(resource)\(subresource.map { "/\($0)" } ?? "") \(namespace.isEmpty ? name : "\(namespace)/\(name)")")
    }
    switch action {
    case .create(let resource, let object): return ["create": .string("\(resource)"), "object": object.json]
    case .update(let resource, let object, let subresource):
      let before: JSONValue = given.first { $0.uid == object.uid && !$0.uid.isEmpty }?.json ?? [:]
      return ["update": place(resource, object.namespace, object.name, subresource), "change": difference(before, object.json)]
    case .patch(let resource, let namespace, let name, let type, let patch, let subresource):
      return ["patch": place(resource, namespace, name, subresource), "type": .string("\(type)"), "body": patch]
    case .delete(let resource, let namespace, let name, let options):
      var json: JSONValue = ["delete": place(resource, namespace, name)]
      if let uid: String = options.uid { json["uid"] = .string(uid) }
      if let grace: Int64 = options.gracePeriodSeconds { json["grace"] = .int(grace) }
      if let propagation: DeleteOptions.Propagation = options.propagation { json["propagation"] = .string(propagation.rawValue) }
      return json
    case .event(let object, let kind, let reason, let message):
      return [
        "event": .string("\(kind.rawValue) \(reason)"), "about": .string("\(object.kind) \(object.name)"), "message": .string(message),
      ]
    case .again(let pause): return ["again": .string("\(Int(pause.inMilliseconds)) ms")]
    }
  }

  static func difference(_ before: JSONValue, _ after: JSONValue) -> JSONValue {
    guard case .object(let old) = before, case .object(let new) = after else { return after }
    var changes = JSONObject()
    for member in new.members where old[member.key] != member.value {
      changes[member.key] = .some(difference(old[member.key] ?? .null, member.value))
    }
    for member in old.members where new[member.key] == nil { changes[member.key] = .some(.string("(removed)")) }
    return .object(changes)
  }
}
