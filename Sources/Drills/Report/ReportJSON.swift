import KubeModel
import Primitives

extension DrillReport {
  public var json: JSONValue {
    var document: JSONValue = [
      "runbook": .string(runbook.id), "drill": .string(drill), "title": .string(runbook.title), "verdict": .string(verdict.rawValue),
      "rto_ms": Self.number(milestones["firstRequest"]), "first_write_ms": Self.number(milestones["firstWrite"]),
      "detection_ms": Self.number(milestones["detection"]), "election_ms": Self.number(milestones["election"]),
      "activation_ms": Self.number(milestones["activation"]),
      "lost_writes": lostWrites.map { .int(Int64($0)) } ?? "unknown", "acknowledged_writes": .int(Int64(acknowledgedWrites)),
      "failed_writes": .int(Int64(failedWrites)), "requests": .int(Int64(requests)), "failed_requests": .int(Int64(failedRequests)),
      "started_at": .string(startedAt.rfc3339Micro), "took_ms": Self.number(took.inMilliseconds),
      "deviations": .array(deviations.map { .string($0) }), "simulated": .array(simulated.map { .string($0) }),
      "objectives": [
        "first_write_ms": Self.number(runbook.objectives.firstWrite?.inMilliseconds),
        "rto_ms": Self.number(runbook.objectives.rto?.inMilliseconds),
        "lost_writes": runbook.objectives.lostWrites.map { .int(Int64($0)) } ?? "none",
      ],
    ]
    document["facts"] = .object(JSONObject(facts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    document["steps"] = .array(
      steps.map { result in
        [
          "id": .string(result.step.id), "title": .string(result.step.title), "outcome": .string(result.outcome.rawValue),
          "took_ms": Self.number(result.took.inMilliseconds), "message": .string(result.message),
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
    return document
  }

  /// Tenths of milliseconds are all that means something.
  private static func number(_ value: Double?) -> JSONValue { value.map { .double(($0 * 10).rounded() / 10) } ?? .null }
}
