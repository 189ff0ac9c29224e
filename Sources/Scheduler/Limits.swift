/// How much the scheduler does at a time, and remembers.
public enum SchedulerLimits {
  /// Bindings on their way at the same time. More only queue up at the store: one binding is one transaction.
  public static let concurrentBindings: Int = 64
  /// Pauses after a failed attempt double between these (Kubernetes: 1 s and 10 s). Shorter here: a pod that waits for a center to
  /// become active should not sleep through it.
  public static let firstBackoffMilliseconds: Int64 = 200
  public static let longestBackoffMilliseconds: Int64 = 5_000
  /// A pod found unschedulable is tried again after this, whatever happened (Kubernetes: 300 s).
  public static let unschedulableSeconds: Int64 = 60
  /// Pods that a node may have to start at a time. A hundred nodes start 3,000 at once; two nodes are not run over by a whole center.
  public static let startingPodsPerNode: Int = 30
  /// A score is between 0 and this (Kubernetes: MaxNodeScore).
  public static let highestScore: Double = 100
}
