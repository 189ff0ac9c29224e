import KubeModel
import Primitives
import Store

/// The objects that the recovery of a lost majority leaves in the API: the same names however often the command is run.
public enum DisasterObjects {
  /// The entry of the audit trail: whose word it was, and by what it was decided.
  public static func decision(
    cluster: String, center: CenterName, storeEpoch: UInt64, by: String, record: ActivationRecord?, findings: [Finding], host: HostName,
    now: WallTime
  ) -> KubeObject {
    var decision = Decision(cluster: cluster, decision: "Recovered", verb: "disaster")
    decision.requestedBy = by
    decision.reason =
      "the majority is lost: the store goes on in \(center), epoch \(storeEpoch); what may be lost stands in ConfigMap "
      + "\(ActivationRecord.namespace)/\(certificateName(storeEpoch))"
    decision.record = record
    decision.findings = findings
    var object: KubeObject = decision.object(center: center, host: host, now: now)
    object.json["metadata"] = ["name": .string("\(cluster)-recovered-\(storeEpoch)")]
    return object
  }

  public static func certificateName(_ storeEpoch: UInt64) -> String { "recovery-\(storeEpoch)" }

  public static func certificate(_ storeEpoch: UInt64, json: String, text: String) -> KubeObject {
    KubeObject([
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": .string(certificateName(storeEpoch)), "namespace": .string(ActivationRecord.namespace),
        "labels": ["federation.tricenter.io/certificate": "recovery"],
      ],
      "data": ["certificate.json": .string(json), "certificate.txt": .string(text)],
    ])
  }

  /// `number`: one that was refused is asked for again under another name.
  public static func failover(
    cluster: String, to center: CenterName, storeEpoch: UInt64, number: Int, epoch: Int64, by: String, drill: String?
  ) -> KubeObject {
    var spec: JSONValue = [
      "cluster": .string(cluster), "to": .string(center.value), "kind": "failover", "epoch": .int(epoch),
      "reason": .string("the other centers are lost; the store was recovered in \(center), epoch \(storeEpoch)"),
      "requestedBy": .string(by),
    ]
    if let drill { spec["drill"] = .string(drill) }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover",
      "metadata": ["name": .string("\(cluster)-disaster-\(storeEpoch)-\(number)")], "spec": spec,
    ])
  }
}
