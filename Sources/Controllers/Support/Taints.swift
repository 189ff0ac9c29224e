import KubeModel

/// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
struct Taint: Hashable, Sendable {
  var key: String
  var value: String
  var effect: String
  var timeAdded: String?

  init(key: String, value: String = "", effect: String, timeAdded: String? = nil) {
    self.key = key
    self.value = value
    self.effect = effect
    self.timeAdded = timeAdded
  }

  init(_ json: JSONValue) {
    key = json["key"].string ?? ""
    value = json["value"].string ?? ""
    effect = json["effect"].string ?? ""
    timeAdded = json["timeAdded"].string
  }

  var json: JSONValue {
    var json: JSONValue = ["key": .string(key), "effect": .string(effect)]
    if !value.isEmpty { json["value"] = .string(value) }
    if let timeAdded { json["timeAdded"] = .string(timeAdded) }
    return json
  }

  /// The taint by which the federation shuts out the nodes of a center that is not active any more.
  static let fenced: String = "federation.tricenter.io/fenced"
  static let notReady: String = "node.kubernetes.io/not-ready"
  static let unreachable: String = "node.kubernetes.io/unreachable"

  func isTolerated(by toleration: JSONValue) -> Bool {
    let effect: String = toleration["effect"].string ?? ""
    guard effect.isEmpty || effect == self.effect else { return false }
    let key: String = toleration["key"].string ?? ""
    let exists: Bool = toleration["operator"].string == "Exists"
    if key.isEmpty { return exists }
    guard key == self.key else { return false }
    return exists || (toleration["value"].string ?? "") == value
  }
}

extension KubeObject {
  var taints: [Taint] { spec["taints"].array.map { Taint($0) } }
  /// The node belongs to a center that lost its activation: nothing on it counts any more.
  var isFencedNode: Bool { taints.contains { $0.key == Taint.fenced } }
}
