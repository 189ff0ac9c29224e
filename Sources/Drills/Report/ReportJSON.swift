import KubeModel
import Primitives

extension DrillReport {
  public var json: JSONValue {
    var document: JSONValue = [
      "runbook": .string(runbook.id), "drill": .string(drill), "title": .string(runbook.title), "verdict": .string(verdict.rawValue),
      "rto_ms": Self.number(milestones["firstRequest"]), "first_write_ms": Self.number(milestones["firstWrite"]),
      "detection_ms": Self.number(milestones["detection"]), "election_ms": Self.number(milestones["election"]),
      "activation_ms": Self.number(milestones["activation"]), "endpoints_gone_ms": Self.number(milestones["endpointsGone"]),
      "lost_writes": lostWrites.map { .int(Int64($0)) } ?? "unknown", "acknowledged_writes": .int(Int64(acknowledgedWrites)),
      "failed_writes": .int(Int64(failedWrites)), "requests": .int(Int64(requests)), "failed_requests": .int(Int64(failedRequests)),
      "started_at": .string(startedAt.rfc3339Micro), "took_ms": Self.number(took.inMilliseconds),
      "deviations": .array(deviations.map { .string($0) }), "simulated": .array(simulated.map { .string($0) }),
      "objectives": [
        "first_write_ms": Self.number(runbook.objectives.firstWrite?.inMilliseconds),
        "rto_ms": Self.number(runbook.objectives.rto?.inMilliseconds),
        "lost_writes": runbook.objectives.lostWrites.map { .int(Int64($0)) } ?? "none",
        "failed_requests": runbook.objectives.failedRequests.map { .int(Int64($0)) } ?? .null,
        "write_pause_ms": Self.number(runbook.objectives.writePause?.inMilliseconds),
        "endpoints_gone_ms": Self.number(runbook.objectives.endpointsGone?.inMilliseconds),
      ],
    ]
    document["run"] = .string(plan.run)
    document["mode"] = .string(plan.mode.rawValue)
    if !plan.variant.isEmpty { document["variant"] = .string(plan.variant) }
    if !plan.values.isEmpty { document["parameters"] = JSONValue(plan.values) }
    document["purpose"] = .string(runbook.purpose)
    document["message"] = .string(record.message)
    document["plan_hash"] = .string(plan.hash)
    document["site_hash"] = .string(siteHash)
    document["reported_after_ms"] = Self.number(reportedAfter?.inMilliseconds)
    document["rpo_ms"] = Self.number(rpo?.inMilliseconds)
    document["level"] = level
    document["rto_split_ms"] = rtoSplit
    document["participants"] = participants
    document["store"] = store
    document["business"] = business
    if !companions.isEmpty { document["companions"] = .array(companions.map(\.json)) }
    let (measuredBy, unobserved) = observation.json(zero: event)
    (document["measured_by"], document["unobserved"]) = (measuredBy, unobserved)
    if !bounds.isEmpty { document["at_the_latest"] = .array(bounds.sorted().map { .string($0) }) }
    document["advice"] = .array(advice.map { .string($0) })
    document["facts"] = .object(JSONObject(facts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    document["steps"] = .array(
      steps.map { result in
        [
          "id": .string(result.step.id), "title": .string(result.step.title), "action": .string(result.step.call.action),
          "outcome": .string(result.outcome.rawValue), "phase": .string(result.phase.rawValue),
          "began_ms": Self.number(result.began), "took_ms": Self.number(result.took.inMilliseconds),
          "expected_ms": Self.number(result.step.expected?.inMilliseconds), "message": .string(result.message),
          "evidence": .object(
            JSONObject(result.evidence.sorted { $0.key < $1.key }.map { ($0.key, (try? JSONValue.parse(Bytes($0.value))) ?? .null) })),
        ]
      })
    document["timeline"] = .array(
      timeline.map { entry in
        [
          "ms": Self.number(entry.milliseconds), "event": .string(entry.name), "center": .string(entry.center),
          "detail": .string(entry.detail),
        ]
      })
    document["rates"] = .array(
      rates.map {
        [
          "ms": .double($0.milliseconds), "served": .int(Int64($0.served)), "failed": .int(Int64($0.failed)),
          "written": .int(Int64($0.written)),
        ]
      })
    document["samples"] = .array(
      samples.map { sample in
        [
          "ms": Self.number(sample.milliseconds),
          "ready": .object(JSONObject(sample.ready.sorted { $0.key < $1.key }.map { ($0.key, .int(Int64($0.value))) })),
          "lag_entries": sample.lag.map { .int($0) } ?? .null,
        ]
      })
    return document
  }

  /// Tenths of milliseconds are all that means something.
  static func number(_ value: Double?) -> JSONValue { value.map { .double(($0 * 10).rounded() / 10) } ?? .null }
}
