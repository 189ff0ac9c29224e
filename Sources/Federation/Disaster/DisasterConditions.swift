import KubeModel
import Primitives
import Store

/// One sign that a host outside the surviving center lives, as whoever recovers sees it.
public struct LifeSign: Hashable, Sendable {
  public var center: CenterName
  public var host: HostName
  /// `store`, `role`, `apiserver`, …: what answered.
  public var daemon: String
  /// What it said, in words.
  public var said: String
  /// It says that it is active.
  public var isActive: Bool

  public init(center: CenterName, host: HostName, daemon: String, said: String, isActive: Bool = false) {
    self.center = center
    self.host = host
    self.daemon = daemon
    self.said = said
    self.isActive = isActive
  }
}

/// What stands against going on in a surviving center without the others, as a pure function of what was seen. All of it is told, not
/// only the first.
public struct DisasterConditions: Sendable {
  public var cluster: String
  public var center: CenterName
  public var signs: [LifeSign] = []
  /// What the store's members said: `RecoveryPlan.objections`.
  public var objections: [String] = []
  /// The store was recovered by a run before this one.
  public var isRecovered: Bool = false
  /// What an apiserver of the center tells without a majority; nil: none answered.
  public var facts: ReadinessFacts?

  public init(cluster: String, center: CenterName) {
    self.cluster = cluster
    self.center = center
  }

  /// Rules whose facts come from the majority that is lost say nothing here.
  private static let mute: Set<String> = ["quorum", "lag", "report"]

  public var findings: [Finding] {
    var found: [Finding] = []
    for sign in signs.sorted(by: { ($0.host.value, $0.daemon) < ($1.host.value, $1.daemon) }) {
      found.append(
        Finding(
          rule: "life-sign", center: sign.center, object: "Host/\(sign.host)",
          measured: "\(sign.daemon) of \(sign.host) in \(sign.center) answers: \(sign.said)",
          limit: "silence of every host outside \(center)",
          cure: sign.isActive
            ? "\(sign.center) serves: nothing is lost. Mend the line to it"
            : "wait for its center; or, if it is lost all the same, take its power first, so that it does not go on beside \(center)"))
    }
    if !isRecovered {
      // Who answers is told above, host by host.
      for objection in objections where !signs.contains(where: { objection.hasPrefix("\($0.host) ") }) {
        found.append(
          Finding(
            rule: "store", center: center, object: "Store/\(cluster)", measured: objection,
            limit: "survivors of \(center) alone, without a majority",
            cure: "tricenter store recover --dry-run tells what every member says"))
      }
    }
    guard let facts else {
      found.append(
        Finding(
          rule: "unread", weight: .warning, center: center, object: "Cluster/\(cluster)",
          measured: "no apiserver of \(center) tells of nodes, gates and capacity before the recovery", limit: "an answer from its cache",
          cure: "look at tricenter center on a host of \(center)"))
      return found
    }
    return found
      + ReadinessRules.findings(facts, ReadinessRule.Subject(center, verb: .failover)).filter { !Self.mute.contains($0.rule) }
  }

  /// What would be done, in order.
  public func steps(activeCenter: CenterName?) -> [String] {
    var steps: [String] = []
    if isRecovered {
      steps.append("the store was recovered before: nothing is done to it again")
    } else {
      steps += [
        "the longest log of \(center)'s members becomes the log of a new epoch of the store; members elsewhere are refused until they rejoin",
        "the certificate is written: what may be lost, as JSON and as text",
      ]
    }
    if activeCenter == center {
      steps.append("\(center) is the active center of \(cluster) already and renews its activation")
    } else {
      steps.append(
        "a lease and its margin are waited for, counted from the recovery; then \(center) takes \(cluster) over from \(activeCenter?.value ?? "whoever was active")"
      )
    }
    return steps + ["it ends when an exclusive workload runs on a node of \(center)"]
  }

  /// What is left to people afterwards.
  public func next(epoch: UInt64, others: [CenterName]) -> [String] {
    var lines: [String] = [
      "Reconcile what the certificate says may be lost; keep it with the incident's papers. It stands in ConfigMap tricenter-system/recovery-\(epoch), too.",
      "Let the lost hosts reach \(center) before they serve anybody: mend its lines first, then give them power. Their members are refused, "
        + "write what they alone had into diverged-\(epoch).jsonl in their data folders, and rejoin by themselves.",
    ]
    for other in others { lines.append("Once its hosts are up: tricenter reprotect \(cluster) --to \(other) --wait") }
    if let home: CenterName = others.first { lines.append("When all is calm: tricenter failback \(cluster) --to \(home) --wait") }
    return lines
  }
}
