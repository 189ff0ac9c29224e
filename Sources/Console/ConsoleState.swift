import Federation
import KubeModel
import Primitives

/// `state.json`: the federation as one document. Every value that can be old has its age beside it, in milliseconds. Pure.
struct ConsoleState {
  private let sources: ConsoleSources
  private let wall: WallTime
  private let now: MonotonicTime

  /// `wall` for what objects say about times, `now` for how long ago they were read.
  init(_ sources: ConsoleSources, wall: WallTime, now: MonotonicTime) {
    self.sources = sources
    self.wall = wall
    self.now = now
  }

  var json: JSONValue {
    let pods: [KubeObject] = sources[.pods]
    return [
      "time": .string(wall.rfc3339Micro),
      "pods": .int(Int64(pods.count)), "podsReady": .int(Int64(pods.count { Self.isReady($0) })),
      "clusters": .array(sources[.clusters].sorted { $0.name < $1.name }.map(cluster)),
      "centers": .array(centers), "failovers": .array(failovers), "events": .array(events), "sources": .array(looks),
    ]
  }

  /// Milliseconds since a time that an object tells; null where it tells none. Below zero if the writer's clock is ahead.
  private func age(_ time: JSONValue) -> JSONValue {
    guard let text: String = time.string, let then = WallTime(rfc3339: text) else { return .null }
    return .int((wall.secondsSince1970 - then.secondsSince1970) * 1_000 + Int64(wall.nanoseconds - then.nanoseconds) / 1_000_000)
  }

  private var looks: [JSONValue] {
    ConsoleSources.kinds.map { (kind: ResourceName, _: String) -> JSONValue in
      let look: ConsoleSources.Look? = sources.looks[kind]
      return [
        "resource": .string(kind.resource), "age": look?.at.map { .int((now - $0).inNanoseconds / 1_000_000) } ?? .null,
        "error": look?.error.map { .string($0) } ?? .null,
      ]
    }
  }

  private func cluster(_ cluster: KubeObject) -> JSONValue {
    let lease: KubeObject? = sources[.leases].first { $0.name == ActivationRecord.name(cluster: cluster.name) }
    // The lease is the truth, the Cluster object mirrors it a moment later.
    let record: ActivationRecord? = lease.flatMap { try? ActivationRecord($0) }
    let mirrored: JSONValue = cluster.status["activation"]
    return [
      "name": .string(cluster.name), "zone": cluster.spec["zone"], "serviceCIDR": cluster.spec["serviceCIDR"],
      "order": cluster.spec["centers"], "active": record.map { .string($0.center.value) } ?? mirrored["center"],
      "epoch": record.map { .int($0.epoch) } ?? mirrored["epoch"], "since": mirrored["since"], "sinceAge": age(mirrored["since"]),
      "reason": mirrored["reason"], "previous": mirrored["previous"],
      "leaseMilliseconds": record.map { .int($0.lease.inNanoseconds / 1_000_000) } ?? .null,
      "renewedAge": lease.map { age($0.spec["renewTime"]) } ?? .null,
    ]
  }

  private var centers: [JSONValue] {
    let podsOf: [String: [KubeObject]] = Dictionary(grouping: sources[.pods]) { $0.spec["nodeName"].string ?? "" }
    let nodes: [String: KubeObject] = Dictionary(sources[.nodes].map { ($0.name, $0) }) { first, _ in first }
    let roles: [String] = ["production", "local-dr", "remote-dr"]
    func rank(_ center: KubeObject) -> Int { roles.firstIndex(of: center.spec["role"].string ?? "") ?? roles.count }
    return sources[.centers].sorted { (rank($0), $0.name) < (rank($1), $1.name) }.map { (center: KubeObject) -> JSONValue in
      [
        "name": .string(center.name), "role": center.spec["role"], "city": center.spec["city"], "phase": center.status["phase"],
        "ready": center.status["ready"], "activeFor": center.status["activeFor"], "heardAge": age(center.status["lastHeard"]),
        "hosts": .array(
          center.spec["hosts"].array.map { (host: JSONValue) -> JSONValue in
            let name: String = host["name"].string ?? ""
            return [
              "name": .string(name), "address": host["address"], "voter": host["voter"], "node": node(nodes[name]),
              "pods": .array((podsOf[name] ?? []).sorted { $0.key < $1.key }.prefix(ConsoleLimits.podsPerNode).map(pod)),
            ]
          }),
      ]
    }
  }

  private func node(_ node: KubeObject?) -> JSONValue {
    guard let node else { return .null }
    let ready: JSONValue? = node.status["conditions"].array.first { $0["type"].string == "Ready" }
    let fence: JSONValue? = node.spec["taints"].array.first { $0["key"].string == FederationNames.fencedTaint }
    return [
      "ready": .string(ready?["status"].string ?? "Unknown"), "heartbeatAge": age(ready?["lastHeartbeatTime"] ?? .null),
      "message": ready?["message"] ?? .null, "fencedEpoch": fence?["value"] ?? .null,
      "kubelet": node.status["nodeInfo"]["kubeletVersion"],
    ]
  }

  private static func isReady(_ pod: KubeObject) -> Bool {
    pod.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }

  private func pod(_ pod: KubeObject) -> JSONValue {
    let restarts: Int64 = pod.status["containerStatuses"].array.reduce(0) { $0 + ($1["restartCount"].int ?? 0) }
    return [
      "name": .string(pod.key), "phase": pod.status["phase"], "ready": .bool(Self.isReady(pod)), "leaving": .bool(pod.isBeingDeleted),
      "address": pod.status["podIP"], "restarts": .int(restarts), "age": age(pod.metadata["creationTimestamp"]),
    ]
  }

  /// Newest first.
  private var failovers: [JSONValue] {
    sources[.failovers].sorted { Self.created($0) > Self.created($1) }.prefix(ConsoleLimits.failovers).map {
      (failover: KubeObject) -> JSONValue in
      [
        "name": .string(failover.name), "cluster": failover.spec["cluster"], "from": failover.spec["from"], "to": failover.spec["to"],
        "kind": failover.spec["kind"], "reason": failover.spec["reason"], "phase": failover.status["phase"],
        "message": failover.status["message"], "age": age(failover.metadata["creationTimestamp"]),
      ]
    }
  }

  private static func created(_ object: KubeObject) -> String { object.metadata["creationTimestamp"].string ?? "" }

  /// core/v1 Event: whichever of its times is there, `lastTimestamp` first. Newest first.
  private var events: [JSONValue] {
    func time(_ event: KubeObject) -> JSONValue {
      for field in [event["lastTimestamp"], event["eventTime"], event.metadata["creationTimestamp"]] where field.string != nil {
        return field
      }
      return .null
    }
    return sources[.events].sorted { (time($0).string ?? "") > (time($1).string ?? "") }.prefix(ConsoleLimits.events).map {
      (event: KubeObject) -> JSONValue in
      let about: JSONValue = event["involvedObject"]
      let place: String = (about["namespace"].string).map { "\($0)/" } ?? ""
      return [
        "type": event["type"], "reason": event["reason"], "message": event["message"], "count": event["count"],
        "object": .string("\(about["kind"].string ?? "") \(place)\(about["name"].string ?? "")"), "age": age(time(event)),
      ]
    }
  }
}
