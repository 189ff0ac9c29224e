import KubeModel
import Primitives
import Site

/// What happens without a person, as the Cluster's `spec.policy` says it now: `kubectl edit cluster` counts at once. The site file only
/// fills a Cluster that is made, and stands in while there is none.
public struct ClusterPolicy: Hashable, Sendable {
  /// Centers that may take over without being asked.
  public var automaticTo: [CenterName]
  /// How long the active center must have been silent before one does; the lease if that is longer.
  public var silence: Duration
  /// Seconds between two takeovers that nobody asked for.
  public var minimumInterval: Int64
  public var approvals: ApprovalPolicy

  public init(_ cluster: KubeObject?, plan: ClusterPlan, site: Site) {
    guard let cluster else {
      (automaticTo, silence, minimumInterval) = (plan.automaticTo, .zero, FlapDamping.standardInterval)
      approvals = ApprovalPolicy()
      return
    }
    let policy: JSONValue = cluster.spec["policy"]
    let named: [CenterName] = policy["automatic"].array.compactMap(\.string).map { CenterName($0) }
    // The other city takes over by decision only (the site file is refused if it says otherwise), whoever writes it here.
    automaticTo = named.filter { name in plan.order.contains(name) && site.center(name)?.role != .remoteDR }
    silence = .milliseconds(max(0, policy["silenceMilliseconds"].int ?? 0))
    minimumInterval = policy["minimumIntervalSeconds"].int ?? FlapDamping.standardInterval
    approvals = ApprovalPolicy(policy["requireApproval"])
  }
}
