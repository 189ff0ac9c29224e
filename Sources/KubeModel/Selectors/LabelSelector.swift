import Primitives

/// Requirements on labels, all of which must hold. Two written forms: `app in (a,b),tier!=db` in requests, and the LabelSelector
/// object (`matchLabels`, `matchExpressions`) in specs.
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
public struct LabelSelector: Hashable, Sendable {
  public enum Operator: Hashable, Sendable {
    case isIn, notIn, exists, doesNotExist, greaterThan, lessThan
  }
  public struct Requirement: Hashable, Sendable {
    public let key: String
    public let comparison: Operator
    public let values: [String]

    public init(_ key: String, _ comparison: Operator, _ values: [String] = []) {
      self.key = key
      self.comparison = comparison
      self.values = values
    }

    public func matches(_ value: String?) -> Bool {
      switch comparison {
      case .isIn: value.map(values.contains) ?? false
      case .notIn: !(value.map(values.contains) ?? false)
      case .exists: value != nil
      case .doesNotExist: value == nil
      case .greaterThan, .lessThan:
        if let number: Int64 = value.flatMap(Int64.init), let bound: Int64 = values.first.flatMap(Int64.init) {
          comparison == .greaterThan ? number > bound : number < bound
        } else {
          false
        }
      }
    }
  }

  public private(set) var requirements: [Requirement]
  /// An absent LabelSelector selects nothing; an empty one everything.
  public let selectsNothing: Bool

  public init(_ requirements: [Requirement]) {
    self.requirements = requirements
    selectsNothing = false
  }
  private init(nothing: Void) {
    requirements = []
    selectsNothing = true
  }
  /// Labels that must be there with exactly these values: the form of `Service.spec.selector`.
  public init(matching labels: [String: String]) {
    self.init(labels.sorted { $0.key < $1.key }.map { Requirement($0.key, .isIn, [$0.value]) })
  }

  public static let everything = LabelSelector([])
  public static let nothing = LabelSelector(nothing: ())

  public var selectsEverything: Bool { requirements.isEmpty && !selectsNothing }

  public func matches(_ labels: [String: String]) -> Bool {
    !selectsNothing && requirements.allSatisfy { $0.matches(labels[$0.key]) }
  }

  /// The requirement's only value for `key`, if it is one of equality: lets a cache look up instead of scanning.
  public func requiredValue(of key: String) -> String? {
    requirements.first { $0.key == key && $0.comparison == .isIn && $0.values.count == 1 }?.values[0]
  }
}

extension LabelSelector: CustomStringConvertible {
  /// The written form for requests.
  public var description: String {
    requirements.map { requirement in
      let values: String = requirement.values.sorted().joined(separator: ",")
      return switch requirement.comparison {
      case .isIn where requirement.values.count == 1: "\(requirement.key)=\(values)"
      case .notIn where requirement.values.count == 1: "\(requirement.key)!=\(values)"
      case .isIn: "\(requirement.key) in (\(values))"
      case .notIn: "\(requirement.key) notin (\(values))"
      case .exists: requirement.key
      case .doesNotExist: "!\(requirement.key)"
      case .greaterThan: "\(requirement.key)>\(values)"
      case .lessThan: "\(requirement.key)<\(values)"
      }
    }.joined(separator: ",")
  }
}

extension LabelSelector {
  /// A LabelSelector object; null selects nothing.
  /// - Throws: `badSelector` if an expression is not one.
  public init(object: JSONValue) throws(KubeModelError) {
    guard case .object = object else {
      self = .nothing
      return
    }
    var requirements: [Requirement] = object["matchLabels"].stringMap.sorted { $0.key < $1.key }.map {
      Requirement($0.key, .isIn, [$0.value])
    }
    for expression in object["matchExpressions"].array {
      let key: String = expression["key"].string ?? ""
      let values: [String] = expression["values"].array.compactMap(\.string)
      switch expression["operator"].string ?? "" {
      case "In": requirements.append(Requirement(key, .isIn, values))
      case "NotIn": requirements.append(Requirement(key, .notIn, values))
      case "Exists": requirements.append(Requirement(key, .exists))
      case "DoesNotExist": requirements.append(Requirement(key, .doesNotExist))
      case let other: throw KubeModelError(.badSelector, "\"\(other)\" is not a valid label selector operator")
      }
    }
    self.init(requirements)
  }
}
