import KubeModel
import Primitives
import Site

/// The objects by which the API shows the federation.
enum FederationObjects {
  static func center(_ center: Center, site: Site) -> KubeObject {
    let hosts: [JSONValue] = center.hosts.map { host in
      ["name": .string(host.name.value), "address": .string(host.address.description), "voter": .bool(host.voter)]
    }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Center", "metadata": ["name": .string(center.name.value)],
      "spec": [
        "role": .string(center.role.rawValue), "city": .string(center.city), "hosts": .array(hosts),
        "voters": .int(Int64(center.hosts.filter(\.voter).count)), "podCIDRs": .array(center.hosts.map { .string($0.pods.description) }),
        "endpoints": .array(center.hosts.map { .string("https://\($0.address):\(site.ports.apiserver)") }),
      ],
    ])
  }

  static func cluster(_ cluster: ClusterPlan, site: Site) -> KubeObject {
    func milliseconds(_ duration: Duration) -> JSONValue { .int(duration.inNanoseconds / 1_000_000) }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Cluster", "metadata": ["name": .string(cluster.name)],
      "spec": [
        "zone": .string(site.zone), "centers": .array(cluster.order.map { .string($0.value) }),
        "serviceCIDR": .string(cluster.services.description),
        "policy": [
          "automatic": .array(cluster.automaticTo.map { .string($0.value) }),
          "leaseMilliseconds": milliseconds(site.activation.lease), "renewMilliseconds": milliseconds(site.activation.renewEvery),
          "graceMilliseconds": milliseconds(site.activation.margin), "failback": "Manual",
        ],
      ],
    ])
  }

  /// `status` of the Cluster for the activation in force; what was in force before goes to the history, ten entries at most.
  static func clusterStatus(_ old: KubeObject, _ record: ActivationRecord, since: String, reason: String, failover: String?) -> JSONValue {
    var status: JSONValue = old.status
    let current: JSONValue = status["activation"]
    if let epoch: Int64 = current["epoch"].int, epoch != record.epoch {
      status["history"] = .array(Array(([current] + status["history"].array).prefix(10)))
    }
    var activation: JSONValue = [
      "center": .string(record.center.value), "epoch": .int(record.epoch), "since": .string(since), "reason": .string(reason),
    ]
    if let previous = record.previous { activation["previous"] = .string(previous.value) }
    if let failover { activation["failover"] = .string(failover) }
    status["activation"] = activation
    status["phase"] = "Active"
    status["observedGeneration"] = .int(old.generation)
    return status
  }

  /// The Failover that brought the activation about: the one that asked for it, or else the one that records it.
  static func failoverName(_ record: ActivationRecord) -> String { record.failover ?? "\(record.cluster)-epoch-\(record.epoch)" }

  /// - Parameter silentFor: nil where it was not this process that took over.
  static func failover(_ record: ActivationRecord, from: CenterName, silentFor: Duration?) -> KubeObject {
    let length: String = silentFor.map { " for \($0.inNanoseconds / 1_000_000) ms" } ?? " in time"
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(failoverName(record))],
      "spec": [
        "cluster": .string(record.cluster), "from": .string(from.value), "to": .string(record.center.value), "kind": "unplanned",
        "reason": .string("\(from) did not renew its activation\(length)"),
        "requestedBy": .string("federation/\(record.center)"),
      ],
    ])
  }

  /// A takeover that waits for people's word.
  static func proposal(_ record: ActivationRecord, to center: CenterName) -> KubeObject {
    KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover",
      "metadata": ["name": .string("\(record.cluster)-epoch-\(record.epoch)-to-\(center)")],
      "spec": [
        "cluster": .string(record.cluster), "from": .string(record.center.value), "to": .string(center.value), "kind": "failover",
        "epoch": .int(record.epoch), "reason": .string("\(record.center) is silent, and the policy wants people's approval"),
        "requestedBy": .string("federation/\(center)"),
      ],
    ])
  }

  static func activate(_ failover: inout KubeObject, _ record: ActivationRecord, from: CenterName, now: WallTime) {
    var status: JSONValue = failover.status
    let stamp: String = now.rfc3339Micro
    let values: [(String, JSONValue)] = [
      ("phase", JSONValue.string("Activating")), ("startedAt", .string(stamp)), ("epoch", .int(record.epoch)),
      ("from", .string(from.value)),
      ("to", .string(record.center.value)), ("message", .null), ("blocking", .null), ("finishedAt", .null),
    ]
    for (field, value) in values { status[field] = value }
    FailoverStatus.set("Activated", true, "TookOver", "\(record.center) is active, epoch \(record.epoch).", in: &status, stamp)
    FailoverStatus.add("Activated", "\(record.center) is active, epoch \(record.epoch)", center: record.center, in: &status, stamp)
    failover.status = status
  }

  /// The Failover that moved a namespace: it is its target's from now on.
  static func activate(_ failover: inout KubeObject, _ record: ActivationRecord, namespace: String, to: CenterName, now: WallTime) {
    var status: JSONValue = failover.status
    let stamp: String = now.rfc3339Micro
    let values: [(String, JSONValue)] = [
      ("phase", JSONValue.string("Activating")), ("startedAt", .string(stamp)), ("to", .string(to.value)), ("message", .null),
      ("blocking", .null), ("finishedAt", .null),
    ]
    for (field, value) in values { status[field] = value }
    let message: String = "\(namespace) is placed in \(to), under epoch \(record.epoch)"
    FailoverStatus.set("Activated", true, "Placed", message + ".", in: &status, stamp)
    FailoverStatus.add("Activated", message, center: record.center, in: &status, stamp)
    failover.status = status
  }

  /// - Parameter silence: since a host of the center answered; nil: nobody asks, or it is the own one.
  /// - Parameter patience: a center that was silent for so long is not ready.
  static func centerStatus(
    _ center: Center, nodes: [KubeObject], active: CenterName, cluster: String, silence: Duration?, patience: Duration, source: String,
    now: String
  ) -> JSONValue {
    let own: [KubeObject] = nodes.filter { $0.labels[FederationNames.centerLabel] == center.name.value }
    let isSilent: Bool = silence.map { $0 >= patience } ?? false
    let ready: [KubeObject] = isSilent ? [] : own.filter { Capacity.isReady($0) && Fencing.fencedTaint($0) == nil }
    let isActive: Bool = center.name == active
    let phase: String = isActive ? "Active" : ready.isEmpty ? "Unreachable" : ready.count < center.hosts.count ? "Recovering" : "Standby"
    var status: JSONValue = [
      "ready": .bool(!ready.isEmpty), "phase": .string(phase), "nodesReady": .int(Int64(ready.count)),
      "nodesTotal": .int(Int64(own.count)), "activeFor": .array(isActive ? [.string(cluster)] : []), "source": .string(source),
    ]
    if !ready.isEmpty || silence.map({ $0 < patience }) ?? false { status["lastHeard"] = .string(now) }
    return status
  }
}
