import KubeModel
import Primitives

/// What a Deployment asks for, with the arithmetic of
/// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy
struct DeploymentFacts: Sendable {
  let replicas: Int64
  let recreates: Bool
  let maxSurge: Int64
  let maxUnavailable: Int64
  let historyLimit: Int64
  /// Seconds; nil: no deadline.
  let progressDeadline: Int64?
  let paused: Bool
  let minReadySeconds: Int64

  init(_ deployment: KubeObject) {
    let spec: JSONValue = deployment.spec
    replicas = spec["replicas"].int ?? 1
    recreates = spec["strategy"]["type"].string == "Recreate"
    historyLimit = spec["revisionHistoryLimit"].int ?? 10
    let deadline: Int64 = spec["progressDeadlineSeconds"].int ?? 600
    progressDeadline = deadline >= Int64(Int32.max) ? nil : deadline  // kubectl's way of saying "none"
    paused = spec["paused"].bool ?? false
    minReadySeconds = spec["minReadySeconds"].int ?? 0
    let rolling: JSONValue = spec["strategy"]["rollingUpdate"]
    if recreates {
      maxSurge = 0
      maxUnavailable = replicas
    } else {
      let surge: Int64 = Self.scaled(rolling["maxSurge"], of: replicas, up: true)
      let unavailable: Int64 = Self.scaled(rolling["maxUnavailable"], of: replicas, up: false)
      maxSurge = surge
      // Both zero would never get anywhere: one pod may be missing then.
      maxUnavailable = min(surge == 0 && unavailable == 0 ? 1 : unavailable, replicas)
    }
  }

  var minAvailable: Int64 { replicas - maxUnavailable }
  /// More pods than this never exist at a time.
  var maxTotal: Int64 { replicas + maxSurge }

  private static func scaled(_ value: JSONValue, of replicas: Int64, up: Bool) -> Int64 {
    (IntOrString(json: value) ?? .string("25%")).scaled(of: replicas, roundingUp: up) ?? 0
  }
}

extension KubeObject {
  var specReplicas: Int64 { spec["replicas"].int ?? 1 }
  var statusReplicas: Int64 { status["replicas"].int ?? 0 }
  var availableReplicas: Int64 { status["availableReplicas"].int ?? 0 }
  var readyReplicas: Int64 { status["readyReplicas"].int ?? 0 }
  var revision: Int64 { annotations[DeploymentAnnotations.revision].flatMap { Int64($0) } ?? 0 }
}

enum DeploymentAnnotations {
  static let revision: String = "deployment.kubernetes.io/revision"
  static let revisionHistory: String = "deployment.kubernetes.io/revision-history"
  static let desired: String = "deployment.kubernetes.io/desired-replicas"
  static let most: String = "deployment.kubernetes.io/max-replicas"
  /// Kept on the Deployment alone: a ReplicaSet has its own, or must not have them.
  static let notCopied: Set<String> = [
    "kubectl.kubernetes.io/last-applied-configuration", revision, revisionHistory, desired, most, "deprecated.deployment.rollback.to",
  ]
}
