import KubeModel
import Primitives

/// Status and conditions, which `kubectl rollout status` and `kubectl wait` read.
extension DeploymentSync {
  func condition(_ type: String) -> JSONValue? { Conditions.find(deployment.status["conditions"].array, type) }

  mutating func setCondition(_ type: String, _ status: String, reason: String, message: String, refresh: Bool = false) {
    var conditions: [JSONValue] = deployment.status["conditions"].array
    Conditions.set(
      &conditions, type, status, reason: reason, message: message, now: now, withUpdateTime: true, refresh: refresh)
    deployment.json["status"]["conditions"] = .array(conditions)
  }

  /// Counts and the Available condition.
  func status() -> JSONValue {
    let available: Int64 = all.reduce(0) { $0 + $1.availableReplicas }
    var status: JSONValue = ["observedGeneration": .int(deployment.generation)]
    let counts: [(String, Int64)] = [
      ("replicas", all.reduce(0) { $0 + $1.statusReplicas }), ("updatedReplicas", new?.statusReplicas ?? 0),
      ("readyReplicas", all.reduce(0) { $0 + $1.readyReplicas }), ("availableReplicas", available),
      ("unavailableReplicas", max(0, all.reduce(0) { $0 + $1.specReplicas } - available)),
      ("collisionCount", deployment.status["collisionCount"].int ?? 0),
    ]
    for (field, count) in counts where count > 0 { status[field] = .int(count) }
    var conditions: [JSONValue] = deployment.status["conditions"].array
    if available >= facts.minAvailable {
      Conditions.set(
        &conditions, "Available", "True", reason: "MinimumReplicasAvailable", message: "Deployment has minimum availability.", now: now,
        withUpdateTime: true)
    } else {
      Conditions.set(
        &conditions, "Available", "False", reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.", now: now, withUpdateTime: true)
    }
    status["conditions"] = .array(conditions)
    return status
  }

  func isComplete(_ status: JSONValue) -> Bool {
    (status["updatedReplicas"].int ?? 0) == facts.replicas && (status["replicas"].int ?? 0) == facts.replicas
      && (status["availableReplicas"].int ?? 0) == facts.replicas
  }

  mutating func notePause() {
    guard facts.progressDeadline != nil, let present: JSONValue = condition("Progressing") else { return }
    let reason: String = present["reason"].string ?? ""
    if reason == "ProgressDeadlineExceeded" { return }
    if facts.paused, reason != "DeploymentPaused" {
      setCondition("Progressing", "Unknown", reason: "DeploymentPaused", message: "Deployment is paused")
    } else if !facts.paused, reason == "DeploymentPaused" {
      setCondition("Progressing", "Unknown", reason: "DeploymentResumed", message: "Deployment is resumed")
    }
  }

  /// Writes the status if it changed. `progressing`: a rollout may be under way, so its condition is judged, too.
  mutating func writeStatus(progressing: Bool) {
    let before: JSONValue = deployment.status
    var status: JSONValue = status()
    var conditions: [JSONValue] = status["conditions"].array
    if progressing { judgeProgress(status, before, &conditions) }
    let failure: JSONValue? = all.compactMap { $0.condition("ReplicaFailure") }.first
    if let failure {
      Conditions.set(
        &conditions, "ReplicaFailure", failure["status"].string ?? "True", reason: failure["reason"].string ?? "",
        message: failure["message"].string ?? "", now: now, withUpdateTime: true)
    } else {
      Conditions.remove(&conditions, "ReplicaFailure")
    }
    status["conditions"] = .array(conditions)
    guard status != original.status else { return }
    var changed: KubeObject = original
    changed.status = status
    actions.append(.update(.deployments, changed, subresource: "status"))
  }

  private mutating func judgeProgress(_ status: JSONValue, _ before: JSONValue, _ conditions: inout [JSONValue]) {
    guard let deadline: Int64 = facts.progressDeadline else {
      Conditions.remove(&conditions, "Progressing")
      return
    }
    let present: JSONValue? = Conditions.find(conditions, "Progressing")
    let name: String = new?.name ?? deployment.name
    let done: Bool =
      present?["reason"].string == "NewReplicaSetAvailable"
      && (status["replicas"].int ?? 0) == (status["updatedReplicas"].int ?? 0)
    if done { return }
    if isComplete(status) {
      Conditions.set(
        &conditions, "Progressing", "True", reason: "NewReplicaSetAvailable",
        message: "ReplicaSet \"\(name)\" has successfully progressed.", now: now, withUpdateTime: true)
    } else if hasProgressed(status, before) {
      Conditions.set(
        &conditions, "Progressing", "True", reason: "ReplicaSetUpdated", message: "ReplicaSet \"\(name)\" is progressing.", now: now,
        withUpdateTime: true, refresh: true)
    } else if let present, present["reason"].string != "NewReplicaSetAvailable",
      let since: WallTime = present["lastUpdateTime"].string.flatMap({ WallTime(rfc3339: $0) })
    {
      let left: Int64 = since.secondsSince1970 + deadline - now.secondsSince1970
      if left < 0 {
        Conditions.set(
          &conditions, "Progressing", "False", reason: "ProgressDeadlineExceeded",
          message: "ReplicaSet \"\(name)\" has timed out progressing.", now: now, withUpdateTime: true)
      } else {
        actions.append(.again(.seconds(left + 1)))
      }
    }
  }

  private func hasProgressed(_ status: JSONValue, _ before: JSONValue) -> Bool {
    func count(_ status: JSONValue, _ field: String) -> Int64 { status[field].int ?? 0 }
    func old(_ status: JSONValue) -> Int64 { count(status, "replicas") - count(status, "updatedReplicas") }
    return count(status, "updatedReplicas") > count(before, "updatedReplicas") || old(status) < old(before)
      || count(status, "readyReplicas") > count(before, "readyReplicas")
      || count(status, "availableReplicas") > count(before, "availableReplicas")
  }
}
