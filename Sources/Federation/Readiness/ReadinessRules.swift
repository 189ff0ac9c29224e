import KubeModel
import Primitives

/// One rule of readiness: a name, and what it finds in the facts about a center's taking over.
public struct ReadinessRule: Sendable {
  /// What is to be judged: a center as a standby (`verb` nil), or as the target of a move.
  public struct Subject: Hashable, Sendable {
    public var center: CenterName
    public var verb: Verb?
    /// The federation takes over by itself.
    public var isAutomatic: Bool
    public init(_ center: CenterName, verb: Verb? = nil, isAutomatic: Bool = false) {
      self.center = center
      self.verb = verb
      self.isAutomatic = isAutomatic
    }
    /// After a loss what serves badly is better than what does not serve.
    var isAfterLoss: Bool { verb == .failover || isAutomatic }
    /// Whether only a full standby will do.
    var needsFullStandby: Bool { verb == .failback || verb == .reprotect }
    /// Holds a calm move back; after a loss it is only told.
    var calmWeight: Finding.Weight { isAfterLoss ? .warning : .blocking }
  }

  public let name: String
  /// One sentence for people: what it makes sure of.
  public let purpose: String
  let evaluate: @Sendable (ReadinessFacts, Subject) -> [Finding]
}

/// All rules. A pure function of the facts: evaluated every 30 s for every center, and before anything is begun.
public enum ReadinessRules {
  public static let all: [ReadinessRule] = [
    .capacity, .serving, .quorum, .paused, .gates, .lag, .standby, .images, .names, .certificates, .drift, .drill, .reports,
  ]
  /// Without these a move cannot end well, or another person has decided: nobody accepts their findings by name.
  public static let unacceptable: Set<String> = ["capacity", "serving", "quorum", "gate"]
  /// What is looked at while a dead center's lease runs out.
  static let afterLoss: [ReadinessRule] = [.capacity, .serving, .paused, .gates]

  public static func findings(_ facts: ReadinessFacts, _ subject: ReadinessRule.Subject) -> [Finding] {
    all.flatMap { $0.evaluate(facts, subject) }
  }
}
