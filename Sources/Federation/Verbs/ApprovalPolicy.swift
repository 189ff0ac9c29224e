import KubeModel
import Primitives

/// Which moves wait for other people's word, as the Cluster's `spec.policy.requireApproval` says it.
public struct ApprovalPolicy: Hashable, Sendable {
  public var verbs: Set<String>
  public var targets: Set<String>
  public var count: Int
  /// Empty: everybody's word counts.
  public var approvers: Set<String>

  public init(verbs: Set<String> = [], targets: Set<String> = [], count: Int = 1, approvers: Set<String> = []) {
    self.verbs = verbs
    self.targets = targets
    self.count = count
    self.approvers = approvers
  }

  public init(_ json: JSONValue) {
    func texts(_ field: String) -> Set<String> { Set(json[field].array.compactMap(\.string)) }
    self.init(
      verbs: texts("verbs"), targets: texts("targets"), count: max(1, Int(json["count"].int ?? 1)), approvers: texts("approvers"))
  }

  public func applies(verb: String, target: CenterName?) -> Bool {
    verbs.contains(verb) || target.map { targets.contains($0.value) } ?? false
  }

  /// Whose word counts for a move that `asker` wants: everybody once, and never the asker's own.
  public func valid(_ given: [String], askedBy asker: String) -> [String] {
    Set(given).filter { $0 != asker && (approvers.isEmpty || approvers.contains($0)) }.sorted()
  }
}
