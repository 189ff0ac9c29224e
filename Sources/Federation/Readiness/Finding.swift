import KubeModel
import Primitives

/// What a rule has found: on which object, what was measured, what the limit is, and what cures it.
public struct Finding: Hashable, Sendable {
  public enum Weight: String, Hashable, Sendable {
    /// Holds a move back.
    case blocking
    /// Is told, and holds nothing back.
    case warning
  }
  public var rule: String
  public var weight: Weight
  /// Nil: the cluster as a whole.
  public var center: CenterName?
  /// `KIND/NAME`.
  public var object: String
  public var measured: String
  public var limit: String
  public var cure: String

  public init(
    rule: String, weight: Weight = .blocking, center: CenterName?, object: String, measured: String, limit: String, cure: String
  ) {
    self.rule = rule
    self.weight = weight
    self.center = center
    self.object = object
    self.measured = measured
    self.limit = limit
    self.cure = cure
  }

  public init(_ json: JSONValue) {
    self.init(
      rule: json["rule"].string ?? "", weight: json["weight"].string.flatMap { Weight(rawValue: $0) } ?? .blocking,
      center: json["center"].string.map { CenterName($0) }, object: json["object"].string ?? "", measured: json["measured"].string ?? "",
      limit: json["limit"].string ?? "", cure: json["cure"].string ?? "")
  }

  public var json: JSONValue {
    var json: JSONValue = [
      "rule": .string(rule), "weight": .string(weight.rawValue), "object": .string(object), "measured": .string(measured),
      "limit": .string(limit), "cure": .string(cure),
    ]
    if let center { json["center"] = .string(center.value) }
    return json
  }

  /// For logs and messages.
  public var sentence: String { "\(measured) (\(object); wanted: \(limit))" }
}

extension Sequence<Finding> {
  public var blocking: [Finding] { filter { $0.weight == .blocking } }
  public var json: JSONValue { .array(map(\.json)) }
  /// Measured values change all the time (`ages`); what is written again and again must not change with them alone.
  func isAlike(_ other: some Sequence<Finding>) -> Bool {
    map { [$0.rule, $0.weight.rawValue, $0.center?.value ?? "", $0.object] }
      == other.map {
        [$0.rule, $0.weight.rawValue, $0.center?.value ?? "", $0.object]
      }
  }
}
