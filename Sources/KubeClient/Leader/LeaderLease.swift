import KubeModel
import Primitives

/// What a leader's Lease says. https://kubernetes.io/docs/concepts/architecture/leases/
struct LeaderLease: Hashable, Sendable {
  static let epochAnnotation: String = "federation.tricenter.io/epoch"

  var holder: String
  var durationSeconds: Int64
  var acquireTime: String
  var renewTime: String
  var transitions: Int64
  var epoch: Int64
  var resourceVersion: String

  init(_ object: KubeObject) {
    holder = object.spec["holderIdentity"].string ?? ""
    durationSeconds = object.spec["leaseDurationSeconds"].int ?? 0
    acquireTime = object.spec["acquireTime"].string ?? ""
    renewTime = object.spec["renewTime"].string ?? ""
    transitions = object.spec["leaseTransitions"].int ?? 0
    epoch = object.annotations[Self.epochAnnotation].flatMap { Int64($0) } ?? 0
    resourceVersion = object.resourceVersion
  }

  /// `object` (or a new Lease) with what a holder writes: everything else that it carries stays.
  static func object(
    _ present: KubeObject?, configuration: LeaderElectionConfiguration, holder: String, epoch: Int64, now: WallTime, acquired: Bool
  ) -> KubeObject {
    var lease: KubeObject =
      present
      ?? KubeObject([
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": ["namespace": .string(configuration.namespace), "name": .string(configuration.name)],
      ])
    let seconds: Int64 = max(1, (configuration.leaseDuration.inNanoseconds + 999_999_999) / 1_000_000_000)
    lease.json["metadata"]["annotations"][epochAnnotation] = .string(String(epoch))
    lease.json["spec"]["holderIdentity"] = .string(holder)
    lease.json["spec"]["leaseDurationSeconds"] = .int(holder.isEmpty ? 1 : seconds)
    lease.json["spec"]["renewTime"] = .string(now.rfc3339Micro)
    if acquired {
      lease.json["spec"]["acquireTime"] = .string(now.rfc3339Micro)
      let before: Int64 = present?.spec["leaseTransitions"].int ?? -1
      lease.json["spec"]["leaseTransitions"] = .int(before + 1)
    }
    return lease
  }
}
