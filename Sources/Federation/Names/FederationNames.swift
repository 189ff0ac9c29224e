/// Labels, annotations and taints by which the daemons of a federation understand each other.
public enum FederationNames {
  public static let centerLabel = "federation.tricenter.io/center"
  /// On Nodes outside the active center whose kubelet has not yet said that it knows the activation: the value is the epoch. Nothing may
  /// run there, and what is bound there counts as gone.
  public static let fencedTaint = "federation.tricenter.io/fenced"
  /// On Nodes, by their own agent: the newest epoch of which it can say that no exclusive pod of an older activation runs here.
  public static let observedEpochAnnotation = "federation.tricenter.io/observed-epoch"
}
