import KubeModel
import Primitives

/// One entry of the audit trail: what was decided, and everything that it was decided by.
struct Decision: Sendable {
  var cluster: String
  var decision: String
  var verb: String = ""
  var failover: String?
  var requestedBy: String = ""
  var reason: String = ""
  var record: ActivationRecord?
  var silentFor: Duration?
  var findings: [Finding] = []
  var votes: Votes?

  func object(center: CenterName, host: HostName, now: WallTime) -> KubeObject {
    var inputs: JSONValue = [:]
    if let record {
      inputs["active"] = .string(record.center.value)
      inputs["epoch"] = .int(record.epoch)
      if !record.resourceVersion.isEmpty { inputs["activationVersion"] = .string(record.resourceVersion) }
    }
    if let silentFor { inputs["silentMilliseconds"] = .int(silentFor.inNanoseconds / 1_000_000) }
    if !findings.isEmpty { inputs["findings"] = findings.prefix(100).json }
    if let votes { inputs["votes"] = votes.json }
    var spec: JSONValue = [
      "cluster": .string(cluster), "decision": .string(decision), "time": .string(now.rfc3339Micro), "center": .string(center.value),
      "host": .string(host.value), "reason": .string(reason), "inputs": inputs,
    ]
    for (field, value) in [("verb", verb), ("requestedBy", requestedBy), ("failover", failover ?? "")] where !value.isEmpty {
      spec[field] = .string(value)
    }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Decision", "metadata": ["generateName": .string("\(cluster)-")], "spec": spec,
    ])
  }

  /// The oldest of too many, by when they were decided.
  static func surplus(_ all: [KubeObject], kept: Int = FederationLimits.decisionsKept) -> [KubeObject] {
    guard all.count > kept else { return [] }
    let sorted: [KubeObject] = all.sorted { ($0.spec["time"].string ?? "", $0.name) < ($1.spec["time"].string ?? "", $1.name) }
    return Array(sorted.prefix(all.count - kept))
  }
}
