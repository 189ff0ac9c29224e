/// How much one controller does at a time, and remembers.
public enum ControllerLimits {
  /// Pods created or deleted by one synchronization of a ReplicaSet (Kubernetes: BurstReplicas).
  public static let burstReplicas: Int = 500
  /// First batch of creates; each batch that goes well doubles the next (Kubernetes: SlowStartInitialBatchSize, 1). After the loss of a
  /// center every write waits for the other city, 30 ms in the lab: three pods came in two batches.
  public static let slowStartBatch: Int = 8
  /// Endpoints of one EndpointSlice (Kubernetes: max-endpoints-per-slice).
  public static let endpointsPerSlice: Int = 100
  /// Addresses of one Endpoints object; the rest is cut and annotated (Kubernetes: maxCapacity).
  public static let endpointsAddresses: Int = 1_000
  /// Bytes of a Deployment's revision history annotation (Kubernetes: maxRevHistoryLengthInChars).
  public static let revisionHistoryBytes: Int = 2_000
  /// Objects deleted at the same time while a namespace is emptied.
  public static let concurrentDeletions: Int = 16
  /// Silence after which a node of a center that does not answer the federation counts as unreachable: two renewals of its lease and a
  /// half. With the time in which the federation notices, nothing of a dark center reads ready a second after the activation's lease.
  public static let darkGrace: Duration = .milliseconds(2_500)
  /// Seconds that a `hot` pod stays on a node that is fenced.
  public static let hotFenceSeconds: Int64 = 10
  /// Owners remembered as absent, so that their dependents do not ask again (Kubernetes: 500).
  public static let absentOwners: Int = 500
  /// Seconds that creations or deletions may stay unseen before they are taken for lost (Kubernetes: 300; a watch here is
  /// either current or lists anew within seconds).
  public static let expectationSeconds: Int64 = 60
}
