import Primitives

/// A kind that is another kind's other face: the same objects, stored once, with other names for some fields.
public struct StoredFace: Sendable {
  /// Whose objects these are.
  public let stored: ResourceName
  /// From what is stored to this face, and back.
  public let read: @Sendable (JSONValue) -> JSONValue
  public let write: @Sendable (JSONValue) -> JSONValue
}

extension ResourceName {
  public static let newEvents = Self(group: "events.k8s.io", version: "v1", resource: "events", kind: "Event", namespaced: true)
}

extension ResourceDefinition {
  /// Nil for nearly all kinds: they are stored as they are served.
  public var face: StoredFace? { behaviour.face }
  /// Where objects of this kind are stored.
  public var storedName: ResourceName { face?.stored ?? name }

  public static let newEvents = ResourceDefinition(
    .newEvents, type: "events.v1.Event", shortNames: ["ev"],
    selectable: [
      "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion",
      "regarding.fieldPath", "reason", "reportingController", "type",
    ].map { SelectableField($0) },
    columns: TableColumn.events.map { column in
      TableColumn(column) { event, now in column.cell(KubeObject(EventFace.toCore(event.json)), now) }
    }, behaviour: .newEvents)
}

extension ResourceBehaviour {
  static let newEvents = ResourceBehaviour(
    validate: Validation.newEvent, face: StoredFace(stored: .events, read: EventFace.fromCore, write: EventFace.toCore))
}

/// Events of `events.k8s.io/v1` are those of `v1`: recorders of newer clients write the former, `kubectl describe` reads the latter.
enum EventFace {
  /// Core's name, the new one. All other fields are called the same.
  static let renamed: [(core: String, new: String)] = [
    ("involvedObject", "regarding"), ("message", "note"), ("reportingComponent", "reportingController"), ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"),
  ]
  private static let toNew: [String: String] = Dictionary(uniqueKeysWithValues: renamed.map { ($0.core, $0.new) })
  private static let toOld: [String: String] = Dictionary(uniqueKeysWithValues: renamed.map { ($0.new, $0.core) })

  @Sendable static func fromCore(_ event: JSONValue) -> JSONValue { rename(event, toNew, "events.k8s.io/v1") }
  @Sendable static func toCore(_ event: JSONValue) -> JSONValue { rename(event, toOld, "v1") }

  private static func rename(_ event: JSONValue, _ names: [String: String], _ version: String) -> JSONValue {
    guard let object: JSONObject = event.object else { return event }
    return .object(
      JSONObject(
        object.members.map { member in
          member.key == "apiVersion" ? ("apiVersion", .string(version)) : (names[member.key] ?? member.key, member.value)
        }))
  }
}

extension Validation {
  /// Stricter than for core events, unless the event was written as one (k8s: `ValidateEventCreate`).
  @Sendable static func newEvent(_ event: JSONValue, _ errors: inout [FieldError]) {
    var own: [FieldError] = []
    self.event(EventFace.toCore(event), &own)
    // The face's names in the message.
    errors +=
      own.isEmpty ? [] : [.invalid(FieldPath("regarding.namespace"), event["regarding"]["namespace"], "does not match event.namespace")]
    guard event["deprecatedCount"].isNull, event["deprecatedFirstTimestamp"].isNull else { return }
    for field in ["eventTime", "reportingController", "reportingInstance", "action", "reason"] where event[field].string ?? "" == "" {
      errors.append(.required(FieldPath(field)))
    }
    if let type: String = event["type"].string, type != "Normal", type != "Warning" {
      errors.append(.notSupported(FieldPath("type"), .string(type), ["Normal", "Warning"]))
    }
    for field in ["action", "reason", "reportingInstance"] {
      guard let text: String = event[field].string, text.utf8.count > 128 else { continue }
      errors.append(.invalid(FieldPath(field), .string(text), "can have at most 128 characters"))
    }
  }
}
