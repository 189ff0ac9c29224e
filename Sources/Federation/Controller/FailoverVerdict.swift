import KubeModel
import Primitives

/// What is to be said of a Failover that has not been carried out, as a pure function of it, the activation in force and `Judging`.
enum FailoverVerdict: Hashable, Sendable, CustomStringConvertible {
  /// It may be carried out, under this epoch only. `findings`: what it waits for, and what is only told.
  case accepted([Finding])
  case refused(String, [Finding])
  /// It was begun and came to nothing.
  case failed(String)
  /// Something else is first. It is judged again when that is over.
  case queued(String)
  case awaitsApproval(String)
  /// A dry run: nothing is done, this stands against it.
  case answered([Finding])

  /// Nil: nothing is to be said. Either it is over, or it was accepted and waits, or it is being carried out, or it is too soon.
  init?(_ failover: KubeObject, _ record: ActivationRecord, _ judging: Judging) {
    guard let request = FailoverRequest(failover), request.cluster == record.cluster, request.isOpen, request.name != record.failover,
      request.name != record.handover?.failover, !record.placements.contains(where: { $0.failover == request.name })
    else { return nil }
    let inForce: String = "\(record.center) is active, epoch \(record.epoch)"
    if let accepted: Int64 = request.acceptedEpoch {
      guard accepted < record.epoch else { return nil }
      self =
        record.previous == record.center
        ? .failed("Its target did not take over; \(inForce).")
        : .refused("It was accepted under epoch \(accepted) and not carried out; \(inForce) by now. Ask again if it is still wanted.", [])
      return
    }
    let own: [Finding] = VerbConditions.findings(request, record, judging)
    if request.isDryRun {
      guard let findings: [Finding] = judging.findings() else { return nil }
      self = .answered(own + Self.weighed(findings, request) + Self.waits(request, record, judging))
      return
    }
    if let first: Finding = own.first {
      // Whether the active center is silent is seen only after a while.
      if first.rule == "source-silent", judging.openFor < judging.lateAfter { return nil }
      let isNowhere: Bool = first.rule == "target" && request.verb != .evacuate && request.to != record.center
      self = .refused(first.measured + (isNowhere ? ": \(first.limit)." : "."), own)
      return
    }
    if let reason: String = Self.queue(request, record, judging) {
      self =
        judging.openFor < FederationLimits.queuePatience
        ? .queued(reason)
        : .refused("It waited \(FederationLimits.queuePatience.components.seconds) s: \(reason). Ask again if it is still wanted.", [])
      return
    }
    if let missing: String = Self.missingApprovals(request, judging) {
      self =
        judging.openFor < FederationLimits.approvalPatience
        ? .awaitsApproval(missing)
        : .refused("Nobody approved it in \(FederationLimits.approvalPatience.components.seconds) s: \(missing).", [])
      return
    }
    guard let findings: [Finding] = judging.findings() else { return nil }
    let weighed: [Finding] = Self.weighed(findings, request)
    if request.verb.isRefusedWhenBlocked, !weighed.blocking.isEmpty {
      self = .refused(weighed.blocking.map(\.sentence).joined(separator: "; ") + ".", weighed)
      return
    }
    self = .accepted(weighed)
  }

  /// What the request accepts blocks nothing; where nothing is safe without it, acceptance counts for nothing.
  static func weighed(_ findings: [Finding], _ request: FailoverRequest) -> [Finding] {
    findings.map { finding in
      guard request.accepts.contains(finding.rule), !ReadinessRules.unacceptable.contains(finding.rule) else { return finding }
      var told: Finding = finding
      told.weight = .warning
      return told
    }
  }

  /// Why this one is not first.
  private static func queue(_ request: FailoverRequest, _ record: ActivationRecord, _ judging: Judging) -> String? {
    if let drill = judging.drill, request.drill != drill.name, request.drill != drill.runbook {
      return "the drill \(drill.name) runs; it ends by itself, or with spec.abort: true"
    }
    // After the loss of both, nobody gives way any more and nobody comes: three leases were left to them (`ActivationInstance.takeOver`).
    let isLost: Bool = request.verb == .failover && judging.silentFor >= record.lease * 3
    if let handover = record.handover, handover.to != record.center, !isLost {
      return "\(record.center) is giving way to \(handover.to)" + (handover.failover.map { " for \($0)" } ?? "")
    }
    // What waits to move calmly waits for a center that is lost; a failover does not wait for it.
    if request.verb.moves, !isLost, request.verb != .failover,
      let moving: NamespacePlacement = record.placements.first(where: { $0.yieldsTo != nil })
    {
      return "\(moving.namespace) is being moved to \(moving.yieldsTo?.value ?? "?")" + (moving.failover.map { " for \($0)" } ?? "")
    }
    if let waiting: FailoverRequest = judging.others.filter({
      $0.isWaiting(record, order: judging.order) && !$0.isBlocked && (request.verb != .failover || $0.verb == .failover)
    })
    .min(by: { FailoverRequest.isEarlier($0, $1) }), waiting.name != request.name {
      return "\(waiting.name) (\(waiting.verb.rawValue) to \(waiting.to?.value ?? "?")) was asked for before"
    }
    for other in judging.others where other.name != request.name && other.cluster == record.cluster && !other.isDryRun {
      // Its target is silent by now: nobody carries it out any more.
      if request.verb == .failover, other.to == record.center, judging.silentFor >= judging.lateAfter { continue }
      // Namespaces move beside each other; after a loss nothing waits for one of them.
      if other.verb == .evacuate, request.verb == .failover || request.verb == .evacuate && other.namespace != request.namespace {
        continue
      }
      if other.phase == "Activating", let began: WallTime = other.startedAt,
        judging.now.secondsSince1970 - began.secondsSince1970 < FederationLimits.settlingSeconds
      {
        return "\(other.name) (\(other.verb.rawValue) to \(other.to?.value ?? "?")) is being carried out"
      }
    }
    return nil
  }

  /// Nil: enough have approved, or nobody has to.
  private static func missingApprovals(_ request: FailoverRequest, _ judging: Judging) -> String? {
    let policy: ApprovalPolicy = judging.approvals
    // What the federation would do by itself needs the approval that the policy wants of it.
    let verb: String = request.requestedBy.hasPrefix("federation/") ? Verb.automatic : request.verb.rawValue
    guard policy.applies(verb: verb, target: request.to) else { return nil }
    let given: [String] = policy.valid(request.approvers, askedBy: request.requestedBy)
    guard given.count < policy.count else { return nil }
    let whose: String = policy.approvers.isEmpty ? "" : " of \(policy.approvers.sorted().joined(separator: ", "))"
    return "\(given.count) of \(policy.count) approvals are there\(whose)" + (given.isEmpty ? "" : " (\(given.joined(separator: ", ")))")
  }

  /// For a dry run: what it would wait for.
  private static func waits(_ request: FailoverRequest, _ record: ActivationRecord, _ judging: Judging) -> [Finding] {
    var found: [Finding] = []
    if let reason: String = queue(request, record, judging) {
      found.append(
        Finding(
          rule: "queue", center: nil, object: "Failover/\(request.name)", measured: reason, limit: "nothing else under way",
          cure: "wait for its end; the move is queued until then"))
    }
    if let missing: String = missingApprovals(request, judging) {
      found.append(
        Finding(
          rule: "approvals", center: nil, object: "Cluster/\(record.cluster)", measured: missing,
          limit: "\(judging.approvals.count) by others than \(request.requestedBy)", cure: "tricenter operation approve NAME"))
    }
    return found
  }

  /// Accepted under the activation in force, and nobody has carried it out yet.
  static func isWaiting(_ failover: KubeObject, _ record: ActivationRecord, order: [CenterName]) -> Bool {
    FailoverRequest(failover)?.isWaiting(record, order: order) ?? false
  }

  /// For the audit trail.
  var decision: String {
    switch self {
    case .accepted: "Accepted"
    case .refused: "Refused"
    case .failed: "Failed"
    case .queued: "Queued"
    case .awaitsApproval: "AwaitsApproval"
    case .answered: "Answered"
    }
  }

  var findings: [Finding] {
    switch self {
    case .accepted(let found), .refused(_, let found), .answered(let found): found
    case .failed, .queued, .awaitsApproval: []
    }
  }

  var reason: String {
    switch self {
    case .accepted(let findings):
      findings.blocking.isEmpty ? "nothing stands against it" : "it waits: " + findings.blocking.map(\.sentence).joined(separator: "; ")
    case .answered(let findings):
      findings.blocking.isEmpty ? "nothing stands against it" : "\(findings.blocking.count) things stand against it"
    case .refused(let message, _), .failed(let message), .queued(let message), .awaitsApproval(let message): message
    }
  }

  var description: String { "\(decision.lowercased()): \(reason)" }
}
