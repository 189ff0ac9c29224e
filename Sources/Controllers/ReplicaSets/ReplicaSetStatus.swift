import KubeModel
import Primitives

/// A ReplicaSet's status from its pods. Pure.
enum ReplicaSetStatus {
  /// `failure`: why pods could not be created or deleted in this round; nil if all went well.
  static func of(_ set: KubeObject, pods: [KubeObject], failure: (reason: String, message: String)?, now: WallTime) -> JSONValue {
    let minReadySeconds: Int64 = set.spec["minReadySeconds"].int ?? 0
    let templateLabels: [String: String] = set.spec["template"]["metadata"]["labels"].stringMap
    var labelled: Int64 = 0
    var ready: Int64 = 0
    var available: Int64 = 0
    for pod in pods {
      let labels: [String: String] = pod.labels
      if templateLabels.allSatisfy({ labels[$0.key] == $0.value }) { labelled += 1 }
      if pod.isReadyPod { ready += 1 }
      if pod.isAvailablePod(minReadySeconds: minReadySeconds, now: now) { available += 1 }
    }
    var conditions: [JSONValue] = set.status["conditions"].array
    if let failure {
      // The first failure stays until a round goes well.
      if Conditions.find(conditions, "ReplicaFailure") == nil {
        Conditions.set(&conditions, "ReplicaFailure", "True", reason: failure.reason, message: failure.message, now: now)
      }
    } else {
      Conditions.remove(&conditions, "ReplicaFailure")
    }
    var status: JSONValue = ["replicas": .int(Int64(pods.count))]
    for (field, count) in [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)] where count > 0 {
      status[field] = .int(count)
    }
    status["observedGeneration"] = .int(set.generation)
    if !conditions.isEmpty { status["conditions"] = .array(conditions) }
    return status
  }

  /// When the next pod that is ready but not yet available becomes so; nil if none.
  static func nextAvailability(_ set: KubeObject, pods: [KubeObject], now: WallTime) -> Duration? {
    let minReadySeconds: Int64 = set.spec["minReadySeconds"].int ?? 0
    guard minReadySeconds > 0 else { return nil }
    let waits: [Int64] = pods.compactMap { pod in
      pod.readySince.map { $0.secondsSince1970 + minReadySeconds - now.secondsSince1970 }
    }
    return waits.filter { $0 > 0 }.min().map { .seconds($0) }
  }
}
