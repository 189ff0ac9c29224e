extension Authorizer {
  private static let read: [String] = ["get", "list", "watch"]
  private static let write: [String] = ["create", "update", "patch", "delete"]

  /// Paths that tools ask for before anything else (Kubernetes' `system:discovery` and `system:public-info-viewer`).
  private static let discovery = Rule(
    ["get", "head"],
    paths: [
      "/", "/api", "/api/*", "/apis", "/apis/*", "/openapi/*", "/version", "/version/", "/healthz", "/healthz/*", "/livez", "/livez/*",
      "/readyz", "/readyz/*",
    ])
  private static let leaderLeases = Rule(read + write, groups: ["coordination.k8s.io"], resources: ["leases"])
  private static let events = Rule(["create", "patch", "update"], groups: ["", "events.k8s.io"], resources: ["events"])

  /// Nothing that holds a secret.
  private static let federationToLookAt = Rule(
    read, groups: ["", "apps", "federation.tricenter.io", "coordination.k8s.io", "discovery.k8s.io"],
    resources: [
      "centers", "clusters", "failovers", "drills", "decisions", "vantages", "gates", "leases", "nodes", "pods", "namespaces", "events",
      "services", "endpointslices", "deployments", "replicasets",
    ])

  /// The static policy: the same roles as Kubernetes' bootstrap policy where the names are the same
  /// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles), and ours for `tricenter:…` daemons.
  public static let standard = Authorizer(grants: [
    Grant(.group("system:masters"), [Rule(["*"], groups: ["*"], resources: ["*"], paths: ["*"])]),
    Grant(
      .group("system:authenticated"),
      [
        discovery,
        // Everybody may ask what they may (Kubernetes' system:basic-user): kubectl auth can-i, kubectl auth whoami.
        Rule(["create"], groups: ["authorization.k8s.io"], resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
        Rule(["create"], groups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"]),
        // Whoever is known may see what waits for a decision and decide: the API writes down who it was, and the runner counts only
        // those whose group the step names.
        Rule(read, groups: ["federation.tricenter.io"], resources: ["runbookruns", "runbookapprovals"]),
        Rule(["create"], groups: ["federation.tricenter.io"], resources: ["runbookapprovals"]),
      ]),
    Grant(.group("system:monitoring"), [Rule(["get"], paths: ["/metrics"])]),
    Grant(
      .group("system:nodes"),
      [
        Rule(
          read, groups: ["", "discovery.k8s.io", "coordination.k8s.io", "federation.tricenter.io", "apps"],
          resources: [
            "pods", "nodes", "services", "endpoints", "endpointslices", "namespaces", "configmaps", "serviceaccounts", "leases", "clusters",
            "centers", "events", "replicasets", "deployments",
          ]),
        // A node needs the secrets of its pods, one by one; it cannot list everybody's.
        Rule(["get"], groups: [""], resources: ["secrets"]),
        Rule(["create", "update", "patch"], groups: [""], resources: ["nodes", "nodes/status"], names: .ownNode),
        Rule(
          ["create", "update", "patch", "delete"], groups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["kube-node-lease"],
          names: .ownNode),
        Rule(["update", "patch"], groups: [""], resources: ["pods/status"], names: .podsOfNode),
        Rule(["delete"], groups: [""], resources: ["pods"], names: .podsOfNode),
        Rule(["create"], groups: [""], resources: ["pods/eviction"], names: .podsOfNode),
        events,
        Rule(["get"], paths: ["/metrics"]),
      ]),
    Grant(
      .user("system:kube-controller-manager"),
      [Rule(["*"], groups: ["*"], resources: ["*"]), Rule(["get"], paths: ["/metrics"])]),
    Grant(
      .user("system:kube-scheduler"),
      [
        Rule(read, groups: ["*"], resources: ["*"]),
        Rule(["create"], groups: [""], resources: ["pods/binding", "bindings", "pods/eviction"]),
        Rule(["update", "patch"], groups: [""], resources: ["pods/status"]),
        Rule(["delete"], groups: [""], resources: ["pods"]),
        leaderLeases, events,
      ]),
    Grant(
      .user("system:kube-proxy"),
      [
        Rule(
          read, groups: ["", "discovery.k8s.io", "coordination.k8s.io", "federation.tricenter.io"],
          resources: ["services", "endpoints", "endpointslices", "nodes", "namespaces", "leases", "clusters", "centers", "pods"]),
        events,
      ]),
    // People who look, who approve, and who move: groups of their certificates.
    Grant(.group("tricenter:viewers"), [federationToLookAt]),
    Grant(
      .group("tricenter:approvers"),
      [federationToLookAt, Rule(["patch", "update"], groups: ["federation.tricenter.io"], resources: ["failovers"])]),
    Grant(
      .group("tricenter:operators"),
      [federationToLookAt, Rule(["create", "patch", "update"], groups: ["federation.tricenter.io"], resources: ["failovers", "gates"])]),
    // Probes on the branch side: each its own report (`checkVantage`), and where the centers are.
    Grant(
      .group(Admission.vantageGroup),
      [
        Rule(["create", "patch"], groups: ["federation.tricenter.io"], resources: ["vantages"]),
        Rule(read, groups: ["federation.tricenter.io"], resources: ["centers"]),
      ]),
    Grant(.userPrefix("tricenter:"), [Rule(["*"], groups: ["*"], resources: ["*"]), Rule(["get"], paths: ["*"])]),
  ])
}
