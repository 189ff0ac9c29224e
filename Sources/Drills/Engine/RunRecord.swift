import KubeModel
import Primitives

/// What is written down of a run: the status of its `RunbookRun`. Whoever reads it can go on from here.
public struct RunRecord: Hashable, Sendable {
  public enum Phase: String, Sendable {
    case pending = "Pending", running = "Running", restoring = "Restoring", completed = "Completed", failed = "Failed", aborted = "Aborted"
  }
  public enum Verdict: String, Sendable { case passed, failed, inconclusive }
  public enum StepPhase: String, Sendable {
    case pending = "Pending"
    /// For approvals.
    case waiting = "Waiting"
    /// Its effect may have happened.
    case intended = "Intended"
    case running = "Running"
    case retrying = "Retrying"
    case completed = "Completed"
    case failed = "Failed"
    case skipped = "Skipped"
    case compensating = "Compensating"
    case compensated = "Compensated"
    case uncompensated = "Uncompensated"

    public var isOver: Bool {
      switch self {
      case .completed, .failed, .skipped, .compensated, .uncompensated: true
      default: false
      }
    }
  }

  public struct Runner: Hashable, Sendable {
    public var holder: String = ""
    public var epoch: Int64 = 0
    public var renewedAt: WallTime?
    public var lease: Duration = .zero
  }

  public struct Step: Hashable, Sendable {
    public var name: String
    public var phase: StepPhase = .pending
    public var attempts: Int64 = 0
    public var key: String = ""
    public var startedAt: WallTime?
    public var finishedAt: WallTime?
    /// 1 for the step that began first; 0 for one that did not begin its work.
    public var order: Int64 = 0
    /// It failed, whatever became of it afterwards.
    public var hasFailed: Bool = false
    public var message: String = ""
    public var evidence: [String: String] = [:]
  }

  public struct Decision: Hashable, Sendable {
    public var step: String
    public var user: String
    public var role: String
    public var approves: Bool
    public var comment: String
    public var time: String
    public init(step: String, user: String, role: String, approves: Bool, comment: String = "", time: String = "") {
      self.step = step
      self.user = user
      self.role = role
      self.approves = approves
      self.comment = comment
      self.time = time
    }
  }

  public var phase: Phase = .pending
  public var verdict: Verdict?
  public var runner = Runner()
  public var startedAt: WallTime?
  public var finishedAt: WallTime?
  public var steps: [Step]
  public var decisions: [Decision] = []
  /// What steps noted for later ones: JSON by name.
  public var facts: [String: String] = [:]
  public var reportHash: String = ""
  public var reportSequence: Int64 = 0
  public var message: String = ""

  public var isOver: Bool { phase == .completed || phase == .failed || phase == .aborted }

  public init(_ plan: RunPlan) { steps = plan.steps.map { Step(name: $0.id, key: $0.effect == .changes ? $0.key : "") } }

  /// What stands in the store. Steps that are missing there have not begun.
  public init(_ plan: RunPlan, status: JSONValue) {
    self.init(plan)
    func time(_ value: JSONValue) -> WallTime? { value.string.flatMap { WallTime(rfc3339: $0) } }
    phase = status["phase"].string.flatMap(Phase.init) ?? .pending
    verdict = status["verdict"].string.flatMap(Verdict.init)
    runner = Runner(
      holder: status["runner"]["holder"].string ?? "", epoch: status["runner"]["epoch"].int ?? 0,
      renewedAt: time(status["runner"]["renewedAt"]), lease: .milliseconds(status["runner"]["leaseMilliseconds"].int ?? 0))
    startedAt = time(status["startedAt"])
    finishedAt = time(status["finishedAt"])
    facts = status["facts"].stringMap
    reportHash = status["reportHash"].string ?? ""
    reportSequence = status["reportSequence"].int ?? 0
    message = status["message"].string ?? ""
    decisions = status["approvals"].array.map { json in
      Decision(
        step: json["step"].string ?? "", user: json["user"].string ?? "", role: json["role"].string ?? "",
        approves: json["decision"].string == "approve", comment: json["comment"].string ?? "", time: json["time"].string ?? "")
    }
    for json in status["steps"].array {
      guard let index: Int = steps.firstIndex(where: { $0.name == json["name"].string }) else { continue }
      steps[index].phase = json["phase"].string.flatMap(StepPhase.init) ?? .pending
      steps[index].attempts = json["attempts"].int ?? 0
      steps[index].startedAt = time(json["startedAt"])
      steps[index].finishedAt = time(json["finishedAt"])
      steps[index].order = json["order"].int ?? 0
      steps[index].hasFailed = json["failed"].bool ?? false
      steps[index].message = json["message"].string ?? ""
      steps[index].evidence = json["evidence"].stringMap
    }
  }

  public var status: JSONValue {
    var status: JSONValue = ["phase": .string(phase.rawValue)]
    if let verdict { status["verdict"] = .string(verdict.rawValue) }
    var lease: JSONValue = [
      "holder": .string(runner.holder), "epoch": .int(runner.epoch), "leaseMilliseconds": .int(runner.lease.inNanoseconds / 1_000_000),
    ]
    if let at = runner.renewedAt { lease["renewedAt"] = .string(at.rfc3339Micro) }
    status["runner"] = lease
    if let startedAt { status["startedAt"] = .string(startedAt.rfc3339Micro) }
    if let finishedAt { status["finishedAt"] = .string(finishedAt.rfc3339Micro) }
    status["steps"] = .array(steps.map(\.json))
    if !decisions.isEmpty {
      status["approvals"] = .array(
        decisions.map { decision in
          var json: JSONValue = [
            "step": .string(decision.step), "user": .string(decision.user), "role": .string(decision.role),
            "decision": .string(decision.approves ? "approve" : "reject"),
          ]
          if !decision.comment.isEmpty { json["comment"] = .string(decision.comment) }
          if !decision.time.isEmpty { json["time"] = .string(decision.time) }
          return json
        })
    }
    if !facts.isEmpty { status["facts"] = JSONValue(facts) }
    if !reportHash.isEmpty {
      status["reportHash"] = .string(reportHash)
      status["reportSequence"] = .int(reportSequence)
    }
    if !message.isEmpty { status["message"] = .string(message) }
    return status
  }
}

extension RunRecord.Step {
  var json: JSONValue {
    var json: JSONValue = ["name": .string(name), "phase": .string(phase.rawValue)]
    if attempts > 0 { json["attempts"] = .int(attempts) }
    if !key.isEmpty { json["idempotencyKey"] = .string(key) }
    if let startedAt { json["startedAt"] = .string(startedAt.rfc3339Micro) }
    if let finishedAt { json["finishedAt"] = .string(finishedAt.rfc3339Micro) }
    if order > 0 { json["order"] = .int(order) }
    if hasFailed { json["failed"] = true }
    if !message.isEmpty { json["message"] = .string(String(message.prefix(DrillLimits.messageCharacters))) }
    if !evidence.isEmpty { json["evidence"] = JSONValue(evidence) }
    return json
  }
}
