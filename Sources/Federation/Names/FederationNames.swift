/// Labels, annotations and taints by which the daemons of a federation understand each other.
public enum FederationNames {
  public static let centerLabel = "federation.tricenter.io/center"
  /// On Nodes outside the active center whose kubelet has not yet said that it knows the activation: the value is the epoch. Nothing may
  /// run there, and what is bound there counts as gone.
  public static let fencedTaint = "federation.tricenter.io/fenced"
  /// On Nodes, by their own agent: the newest epoch of which it can say that no exclusive pod of an older activation runs here.
  public static let observedEpochAnnotation = "federation.tricenter.io/observed-epoch"
  /// On Nodes of a center that gives way, by their own agent: the epoch whose exclusive pods it has ended, for good.
  public static let yieldedEpochAnnotation = "federation.tricenter.io/yielded-epoch"
  /// On Nodes, by their own agent: tokens of the placements that give way (`NamespacePlacement`) whose exclusive pods it has ended.
  public static let stoppedPlacementsAnnotation = "federation.tricenter.io/stopped-placements"
  /// As `yielded-epoch`, by the host's federation daemon of itself.
  public static let controlYieldedEpochAnnotation = "federation.tricenter.io/control-yielded-epoch"
  /// Leader leases of what may act in one center only, in `ActivationRecord.namespace`.
  public static let controllerManagerLease = "controller-manager"
  public static let schedulerLease = "scheduler"
}
