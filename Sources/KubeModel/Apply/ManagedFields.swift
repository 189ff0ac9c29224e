import Primitives

/// Who set which fields: `metadata.managedFields`, decoded.
struct ManagedFields: Equatable, Sendable {
  enum Operation: String, Sendable {
    case apply = "Apply"
    case update = "Update"
  }

  /// What tells entries apart. An applier is one manager through all versions.
  struct Manager: Hashable, Sendable {
    var name: String
    var operation: Operation
    var apiVersion: String
    var subresource: String

    static func == (left: Self, right: Self) -> Bool {
      left.name == right.name && left.operation == right.operation && left.subresource == right.subresource
        && (left.operation == .apply || left.apiVersion == right.apiVersion)
    }
    func hash(into hasher: inout Hasher) {
      hasher.combine(name)
      hasher.combine(operation)
      hasher.combine(subresource)
    }

    /// As conflicts name it.
    var shown: String {
      var text: String = "\"\(name)\""
      if !subresource.isEmpty { text += " with subresource \"\(subresource)\"" }
      if operation == .update { text += " using \(apiVersion)" }
      return text
    }
  }

  struct Entry: Equatable, Sendable {
    var manager: Manager
    var set: FieldSet
    /// RFC 3339; absent in entries of unknown age.
    var time: String?
  }

  var entries: [Entry] = []

  subscript(manager: Manager) -> FieldSet? { entries.first { $0.manager == manager }?.set }

  /// Replaces a manager's set; an empty one removes it.
  mutating func set(_ manager: Manager, _ set: FieldSet, time: String?) {
    if let index: Int = entries.firstIndex(where: { $0.manager == manager }) {
      if set.isEmpty {
        entries.remove(at: index)
      } else {
        entries[index].set = set
        entries[index].manager = manager
        if let time { entries[index].time = time }
      }
    } else if !set.isEmpty {
      entries.append(Entry(manager: manager, set: set, time: time))
    }
  }

  mutating func forEach(_ change: (inout Entry) -> Void) {
    for index in entries.indices { change(&entries[index]) }
    entries.removeAll { $0.set.isEmpty }
  }

  /// Nil if the list does not decode: then it counts as absent, as in Kubernetes.
  init?(json: JSONValue) {
    for entry in json.array {
      guard let operation = Operation(rawValue: entry["operation"].string ?? ""), let set = FieldSet(json: entry["fieldsV1"]) else {
        return nil
      }
      let manager = Manager(
        name: entry["manager"].string ?? "", operation: operation, apiVersion: entry["apiVersion"].string ?? "",
        subresource: entry["subresource"].string ?? "")
      if !set.isEmpty { entries.append(Entry(manager: manager, set: set, time: entry["time"].string)) }
    }
  }

  init() {}

  /// Appliers first, then by age, then by name.
  var json: JSONValue {
    let sorted: [Entry] = entries.sorted { left, right in
      func rank(_ entry: Entry) -> (String, String, String, String) {
        (entry.manager.operation.rawValue, entry.time ?? "", entry.manager.name, entry.manager.subresource)
      }
      return rank(left) < rank(right)
    }
    return .array(
      sorted.map { entry in
        var json: JSONValue = [
          "manager": .string(entry.manager.name), "operation": .string(entry.manager.operation.rawValue),
          "apiVersion": .string(entry.manager.apiVersion),
        ]
        if let time: String = entry.time { json["time"] = .string(time) }
        json["fieldsType"] = "FieldsV1"
        json["fieldsV1"] = entry.set.json
        if !entry.manager.subresource.isEmpty { json["subresource"] = .string(entry.manager.subresource) }
        return json
      })
  }

  /// Too many updaters: the oldest are merged into one. (kube-apiserver: `DefaultMaxUpdateManagers`, 10.)
  mutating func cap() {
    var updaters: [Entry] = entries.filter { $0.manager.operation == .update && $0.manager.name != Self.bucket }
    guard updaters.count > KubeLimits.updateManagers else { return }
    updaters.sort { ($0.time ?? "", $0.manager.name) < ($1.time ?? "", $1.manager.name) }
    for old in updaters.prefix(updaters.count - KubeLimits.updateManagers + 1) {
      set(old.manager, .empty, time: nil)
      let bucket = Manager(name: Self.bucket, operation: .update, apiVersion: old.manager.apiVersion, subresource: "")
      set(bucket, (self[bucket] ?? .empty).union(old.set), time: old.time)
    }
  }
  private static let bucket: String = "ancient-changes"
}
