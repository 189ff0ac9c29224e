import KubeModel
import Primitives

/// What the API wants of one pod, as far as its lifecycle goes.
public struct PodBlueprint: Hashable, Sendable {
  public enum RestartPolicy: String, Hashable, Sendable { case always = "Always", onFailure = "OnFailure", never = "Never" }

  public var uid: String
  public var namespace: String
  public var name: String
  public var restartPolicy: RestartPolicy
  public var initContainers: [ContainerBlueprint]
  public var containers: [ContainerBlueprint]
  /// `terminationGracePeriodSeconds`, 30 s by default.
  public var grace: Duration
  public var hostNetwork: Bool
  /// Only one center may run it; a fenced kubelet kills it. Pods of the tier `hot` are not (`WorkloadTier`).
  public var exclusive: Bool
  /// `activeDeadlineSeconds`, counted by the wall clock from `status.startTime`.
  public var activeDeadline: Duration?
  /// The grace that was granted with the deletion; nil while nobody deleted the pod.
  public var deletion: Duration?
  /// The phase that the API already has; `Succeeded` and `Failed` are final.
  public var phase: String
  public var generation: Int64
  /// Extra conditions that must be true for the pod to be ready.
  public var readinessGates: [String]
  /// Conditions of the stored status that this kubelet does not set itself.
  public var foreignConditions: [JSONValue]

  static let ownConditions: Set<String> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]

  public init(_ pod: KubeObject) {
    let spec: JSONValue = pod.spec
    uid = pod.uid
    namespace = pod.namespace
    name = pod.name
    restartPolicy = RestartPolicy(rawValue: spec["restartPolicy"].string ?? "") ?? .always
    initContainers = spec["initContainers"].array.map { ContainerBlueprint($0, isInit: true) }
    containers = spec["containers"].array.map { ContainerBlueprint($0, isInit: false) }
    grace = .seconds(max(0, spec["terminationGracePeriodSeconds"].int ?? 30))
    activeDeadline = spec["activeDeadlineSeconds"].int.map { .seconds(max(0, $0)) }
    hostNetwork = spec["hostNetwork"].bool ?? false
    exclusive = Self.isExclusive(pod)
    deletion = pod.isBeingDeleted ? .seconds(max(0, pod.metadata["deletionGracePeriodSeconds"].int ?? 30)) : nil
    phase = pod.status["phase"].string ?? ""
    generation = pod.generation
    readinessGates = spec["readinessGates"].array.compactMap { $0["conditionType"].string }
    foreignConditions = pod.status["conditions"].array.filter { !Self.ownConditions.contains($0["type"].string ?? "") }
  }

  static func isExclusive(_ pod: KubeObject) -> Bool { !WorkloadTier(pod).isEverywhere }
  public var isFinished: Bool { phase == "Succeeded" || phase == "Failed" }
}
