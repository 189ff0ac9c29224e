import KubeModel
import Primitives

/// What a report concludes from what was measured.
extension DrillReport {
  var siteHash: String { object.spec["siteHash"].string ?? "" }

  private var profile: ServiceProfile? {
    runbook.objectives.level.flatMap { try? ServiceProfile.read($0.profile, runbook.files).get() }
  }

  /// The highest level whose demands the measured RTO and RPO meet. Nil when one of them was not measured.
  var attainedLevel: ServiceProfile.Level? {
    guard let profile, let rto: Double = milestones["firstRequest"] ?? milestones["firstWrite"], let rpo else { return nil }
    return profile.attained(rto: .nanoseconds(Int64(rto * 1e6)), rpo: rpo)
  }

  var level: JSONValue {
    guard let wanted: Runbook.Level = runbook.objectives.level else { return .null }
    return [
      "profile": .string(profile?.title ?? wanted.profile), "objective": .int(Int64(wanted.number)),
      "attained": attainedLevel.map { .int(Int64($0.number)) } ?? .null,
    ]
  }

  /// Where the time without service went: until the loss was noticed, until it was decided who takes over, until the first request was
  /// served, and until what was checked afterwards was found to be so.
  var rtoSplit: JSONValue {
    let (noticed, decided, served) = (milestones["detection"], milestones["activation"], milestones["firstRequest"])
    let checked: Double? = steps.filter { $0.step.call.action.hasPrefix("verify.") && $0.outcome == .passed && !$0.step.always }
      .compactMap { step in step.began.map { $0 + step.took.inMilliseconds } }.filter { $0 > served ?? 0 }.min()
    func between(_ from: Double?, _ to: Double?) -> JSONValue {
      guard let from, let to, to >= from else { return .null }
      return Self.number(to - from)
    }
    return [
      "detection": Self.number(noticed), "decision": between(noticed, decided), "execution": between(decided, served),
      "verification": between(served, checked),
    ]
  }

  var participants: JSONValue {
    let approvals: [JSONValue] = record.decisions.map { decision in
      [
        "step": .string(decision.step), "user": .string(decision.user), "role": .string(decision.role),
        "decision": .string(decision.approves ? "approve" : "reject"), "comment": .string(decision.comment), "time": .string(decision.time),
      ]
    }
    return [
      "requested_by": .string(object.spec["requestedBy"].string ?? ""), "runners": .int(record.runner.epoch),
      "approvals": .array(approvals),
    ]
  }

  /// The last acknowledged revision, and which members hold it at the end.
  var store: JSONValue {
    let members: [JSONValue] = facts["storeAtEnd"]?.array ?? []
    guard let lastRevision else { return ["last_acknowledged_revision": .null, "members": .array(members)] }
    let holders: [JSONValue] = members.filter { $0["revision"].int ?? 0 >= lastRevision }.map { $0["host"] }
    return ["last_acknowledged_revision": .int(lastRevision), "held_by": .array(holders), "members": .array(members)]
  }

  var business: JSONValue {
    func percentile(_ part: Double) -> JSONValue {
      requestTimes.isEmpty ? .null : Self.number(requestTimes[min(requestTimes.count - 1, Int(Double(requestTimes.count) * part))])
    }
    return [
      "requests": .int(Int64(requests)), "failed": .int(Int64(failedRequests)), "p50_ms": percentile(0.5), "p99_ms": percentile(0.99),
      "longest_gap_ms": requestTimes.isEmpty ? .null : Self.number(longestGap), "writes": .int(Int64(acknowledgedWrites)),
      "failed_writes": .int(Int64(failedWrites)), "write_pause_ms": acknowledgedWrites < 2 ? .null : Self.number(writePause),
    ]
  }

  /// Steps that took longer than three runs of four: no failure, and worth a look.
  var slow: [String] {
    steps.compactMap { result in
      guard result.outcome == .passed, let expected: Duration = result.step.expected, result.took > expected else { return nil }
      return "\(result.step.title) took \(result.took.runbookText), expected \(expected.runbookText) or less in three runs of four."
    }
  }

  /// What to do next, from what was found.
  var advice: [String] {
    var advice: [String] = []
    for result in steps where result.phase == .uncompensated {
      advice.append("Undo \(result.step.title) by hand: \(result.message)")
    }
    for result in steps where result.outcome == .failed {
      advice.append(
        "Look at step \(result.step.id) (line \(result.step.line) of \(runbook.id).yaml), then run the drill again: \(result.message)")
    }
    if let lost = lostWrites, lost > 0 {
      advice.append(
        "\(lost) acknowledged writes are lost: keep the writers' objects of this run, and compare the members' logs from revision \(lastRevision ?? 0) on."
      )
    }
    if let objective: Duration = runbook.objectives.rto, let rto: Double = milestones["firstRequest"], rto > objective.inMilliseconds {
      let parts: [(String, Double)] = ["detection", "decision", "execution"].compactMap { name in rtoSplit[name].double.map { (name, $0) } }
      if let most = parts.max(by: { $0.1 < $1.1 }) { advice.append("Most of the time without service was \(most.0): \(Int(most.1)) ms.") }
    }
    advice += slow
    if verdict == .passed, advice.isEmpty { advice.append("Nothing. Run it again within the interval that your policy names.") }
    return advice
  }
}
