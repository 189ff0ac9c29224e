/// In how many centers a workload's pods may be, and what is prepared for them where they are not. The one place that decides: admission
/// writes the outcome into the pod when it is created, it never changes afterwards, and every daemon reads it from the pod alone. So no
/// cache of Deployments or namespaces that is behind can make a pod `hot` that is not.
///
///     pod (by its template) ─▶ else its owner (Deployment ─▶ ReplicaSet ─▶ pod) ─▶ else its namespace ─▶ else exclusive
public enum WorkloadTier: String, Hashable, Sendable, CaseIterable {
  /// In the active center only; a fence ends it. Images are kept in the others.
  case exclusive
  /// In several centers at once; no fence touches it, and it survives without a failover.
  case hot
  /// As exclusive, and the next center has sandboxes ready: there, containers only have to be started.
  case warm
  /// As exclusive, and nothing is prepared.
  case cold

  public static let annotation: String = "federation.tricenter.io/tier"

  /// Of a pod as it is stored. What nobody wrote, or nobody understands, is exclusive: the tier that needs a fence.
  public init(_ pod: KubeObject) { self = Self.named(by: pod) ?? .exclusive }

  /// What the object itself says; nil if it says nothing that is understood.
  public static func named(by object: KubeObject) -> WorkloadTier? {
    object.metadata["annotations"][annotation].string.flatMap { WorkloadTier(rawValue: $0) }
  }
  /// What a Deployment or ReplicaSet says for its pods: in the template, else of itself.
  public static func named(byWorkload workload: KubeObject) -> WorkloadTier? {
    named(by: KubeObject(workload.spec["template"])) ?? named(by: workload)
  }

  /// What a new pod gets when it does not say itself.
  public static func of(newPod pod: KubeObject, namespace: KubeObject) -> WorkloadTier {
    named(by: pod) ?? named(by: namespace) ?? .exclusive
  }

  /// Fences spare it, and nodes of every center may have it.
  public var isEverywhere: Bool { self == .hot }
  /// Its images are kept in the standby centers.
  public var keepsImages: Bool { self != .cold }
}
