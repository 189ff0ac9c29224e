import KubeModel
import Primitives

/// What controllers ask of pods. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
extension KubeObject {
  func condition(_ type: String) -> JSONValue? { status["conditions"].array.first { $0["type"].string == type } }
  func isTrue(_ condition: String) -> Bool { self.condition(condition)?["status"].string == "True" }

  var podPhase: String { status["phase"].string ?? "" }
  var isTerminated: Bool { podPhase == "Succeeded" || podPhase == "Failed" }
  /// Counts as one of its owner's replicas.
  var isActivePod: Bool { !isTerminated && !isBeingDeleted }
  var isReadyPod: Bool { isTrue("Ready") }
  var nodeName: String { spec["nodeName"].string ?? "" }

  /// Nil when not ready; otherwise since when.
  var readySince: WallTime? {
    guard isReadyPod else { return nil }
    return condition("Ready")?["lastTransitionTime"].string.flatMap { WallTime(rfc3339: $0) }
  }

  /// Ready for `minReadySeconds` without a break.
  func isAvailablePod(minReadySeconds: Int64, now: WallTime) -> Bool {
    guard isReadyPod else { return false }
    guard minReadySeconds > 0 else { return true }
    guard let since: WallTime = readySince else { return false }
    return since.secondsSince1970 + minReadySeconds <= now.secondsSince1970
  }

  /// Restarts of the container that restarted most.
  var mostRestarts: Int64 { status["containerStatuses"].array.map { $0["restartCount"].int ?? 0 }.max() ?? 0 }
}

extension KubeObject {
  /// `labels` has all that `selector` (a plain map, as Services have) asks for. An empty selector selects nothing here.
  func matches(plainSelector: [String: String]) -> Bool {
    guard !plainSelector.isEmpty else { return false }
    let labels: [String: String] = labels
    return plainSelector.allSatisfy { labels[$0.key] == $0.value }
  }
}
