import KubeModel

/// `nodeSelectorTerms`: alternatives, each of which must hold as a whole.
/// https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#node-affinity
struct NodeTerm: Hashable, Sendable {
  enum Comparison: String, Sendable {
    case isIn = "In"
    case notIn = "NotIn"
    case exists = "Exists"
    case doesNotExist = "DoesNotExist"
    case greater = "Gt"
    case less = "Lt"
  }
  struct Expression: Hashable, Sendable {
    var key: String
    /// Nil for an operator that nobody knows: it matches nothing.
    var comparison: Comparison?
    var values: [String]

    init(_ json: JSONValue) {
      key = json["key"].string ?? ""
      comparison = Comparison(rawValue: json["operator"].string ?? "")
      values = json["values"].array.compactMap(\.string)
    }

    func matches(_ value: String?) -> Bool {
      switch comparison {
      case .isIn: value.map { values.contains($0) } ?? false
      case .notIn: value.map { !values.contains($0) } ?? true
      case .exists: value != nil
      case .doesNotExist: value == nil
      case .greater: Self.numbers(value, values).map { $0.0 > $0.1 } ?? false
      case .less: Self.numbers(value, values).map { $0.0 < $0.1 } ?? false
      case nil: false
      }
    }

    private static func numbers(_ value: String?, _ values: [String]) -> (Int64, Int64)? {
      guard let left: Int64 = value.flatMap({ Int64($0) }), let right: Int64 = values.first.flatMap({ Int64($0) }) else { return nil }
      return (left, right)
    }
  }

  var labels: [Expression]
  var fields: [Expression]

  init(_ json: JSONValue) {
    labels = json["matchExpressions"].array.map { Expression($0) }
    fields = json["matchFields"].array.map { Expression($0) }
  }

  /// A term without requirements matches no node.
  func matches(_ node: NodeInfo) -> Bool {
    guard !labels.isEmpty || !fields.isEmpty else { return false }
    return labels.allSatisfy { $0.matches(node.labels[$0.key]) }
      && fields.allSatisfy { $0.matches($0.key == "metadata.name" ? node.name : nil) }
  }
}
