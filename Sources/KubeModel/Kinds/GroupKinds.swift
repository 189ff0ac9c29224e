extension ResourceName {
  public static let selfSubjectAccessReviews = Self(
    group: "authorization.k8s.io", version: "v1", resource: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview", namespaced: false)
  public static let selfSubjectReviews = Self(
    group: "authentication.k8s.io", version: "v1", resource: "selfsubjectreviews", kind: "SelfSubjectReview", namespaced: false)
}

extension ResourceDefinition {
  public static let deployments = ResourceDefinition(
    .deployments, type: "apps.v1.Deployment", shortNames: ["deploy"], categories: ["all"], subresources: [scale, status(.deployments)],
    columns: TableColumn.deployments, behaviour: .deployments)

  public static let replicaSets = ResourceDefinition(
    .replicaSets, type: "apps.v1.ReplicaSet", shortNames: ["rs"], categories: ["all"], subresources: [scale, status(.replicaSets)],
    selectable: [SelectableField("status.replicas", absent: "0")], columns: TableColumn.replicaSets, behaviour: .replicaSets)

  public static let endpointSlices = ResourceDefinition(
    .endpointSlices, type: "discovery.v1.EndpointSlice", columns: TableColumn.endpointSlices, behaviour: .endpointSlices)

  public static let leases = ResourceDefinition(.leases, type: "coordination.v1.Lease", columns: TableColumn.leases, behaviour: .leases)

  /// Only to be created: answers whether the caller may do something (`kubectl auth can-i`).
  public static let selfSubjectAccessReviews = ResourceDefinition(
    .selfSubjectAccessReviews, type: "authorization.v1.SelfSubjectAccessReview", verbs: ["create"])

  /// Only to be created: answers who the caller is (`kubectl auth whoami`).
  public static let selfSubjectReviews = ResourceDefinition(
    .selfSubjectReviews, type: "authentication.v1.SelfSubjectReview", verbs: ["create"])

  public static let centers = ResourceDefinition(
    .centers, type: "federation.v1.Center", categories: ["federation"], subresources: [status(.centers)],
    selectable: [SelectableField("spec.role"), SelectableField("spec.city")], columns: TableColumn.centers, behaviour: .federation)

  public static let clusters = ResourceDefinition(
    .clusters, type: "federation.v1.Cluster", categories: ["federation"], subresources: [status(.clusters)],
    columns: TableColumn.clusters, behaviour: .clusters)

  public static let failovers = ResourceDefinition(
    .failovers, type: "federation.v1.Failover", shortNames: ["fo"], categories: ["federation"], subresources: [status(.failovers)],
    selectable: [SelectableField("spec.cluster"), SelectableField("spec.kind"), SelectableField("status.phase")],
    columns: TableColumn.failovers,
    behaviour: .failovers)

  public static let drills = ResourceDefinition(
    .drills, type: "federation.v1.Drill", categories: ["federation"], subresources: [status(.drills)],
    selectable: [SelectableField("spec.runbook"), SelectableField("status.phase")], columns: TableColumn.drills, behaviour: .drills)

  public static let decisions = ResourceDefinition(
    .decisions, type: "federation.v1.Decision", categories: ["federation"],
    selectable: [SelectableField("spec.cluster"), SelectableField("spec.failover"), SelectableField("spec.decision")],
    columns: TableColumn.decisions, behaviour: .decisions)

  public static let vantages = ResourceDefinition(
    .vantages, type: "federation.v1.Vantage", categories: ["federation"], columns: TableColumn.vantages, behaviour: .vantages)

  public static let gates = ResourceDefinition(
    .gates, type: "federation.v1.Gate", categories: ["federation"], columns: TableColumn.gates, behaviour: .gates)

  public static let runbookRuns = ResourceDefinition(
    .runbookRuns, type: "federation.v1.RunbookRun", shortNames: ["rr"], categories: ["federation"], subresources: [status(.runbookRuns)],
    selectable: [SelectableField("spec.runbook"), SelectableField("status.phase")], columns: TableColumn.runbookRuns,
    behaviour: .runbookRuns)

  public static let runbookApprovals = ResourceDefinition(
    .runbookApprovals, type: "federation.v1.RunbookApproval", categories: ["federation"],
    selectable: [SelectableField("spec.run"), SelectableField("spec.step")], columns: TableColumn.runbookApprovals,
    behaviour: .runbookApprovals)
}
