import Primitives

/// One Kubernetes object of any kind: a tree with names for what every object has.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/
public struct KubeObject: Hashable, Sendable {
  public var json: JSONValue
  public init(_ json: JSONValue) { self.json = json }

  public subscript(key: String) -> JSONValue {
    get { json[key] }
    set { json[key] = newValue }
  }

  public var apiVersion: String {
    get { json["apiVersion"].string ?? "" }
    set { json["apiVersion"] = .string(newValue) }
  }
  public var kind: String {
    get { json["kind"].string ?? "" }
    set { json["kind"] = .string(newValue) }
  }
  public var metadata: JSONValue {
    get { json["metadata"] }
    set { json["metadata"] = newValue }
  }
  public var spec: JSONValue {
    get { json["spec"] }
    set { json["spec"] = newValue }
  }
  public var status: JSONValue {
    get { json["status"] }
    set { json["status"] = newValue }
  }
  public var name: String { json["metadata"]["name"].string ?? "" }
  /// Empty for objects of the cluster.
  public var namespace: String { json["metadata"]["namespace"].string ?? "" }
  /// `namespace/name`, or `name` for objects of the cluster: the key of caches and work queues.
  public var key: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
  public var uid: String { json["metadata"]["uid"].string ?? "" }
  public var resourceVersion: String { json["metadata"]["resourceVersion"].string ?? "" }
  public var generation: Int64 { json["metadata"]["generation"].int ?? 0 }
  public var labels: [String: String] { json["metadata"]["labels"].stringMap }
  public var annotations: [String: String] { json["metadata"]["annotations"].stringMap }
  public var finalizers: [String] { json["metadata"]["finalizers"].array.compactMap(\.string) }
  public var ownerReferences: [JSONValue] { json["metadata"]["ownerReferences"].array }
  /// The owner with `controller: true`.
  public var controllerReference: JSONValue? { ownerReferences.first { $0["controller"].bool == true } }
  public var deletionTimestamp: String? { json["metadata"]["deletionTimestamp"].string }
  public var isBeingDeleted: Bool { deletionTimestamp != nil }
  public var creationTimestamp: WallTime? {
    json["metadata"]["creationTimestamp"].string.flatMap { WallTime(rfc3339: $0) }
  }
}

/// Group, version and plural name: what a path in the API is made of.
public struct ResourceName: Hashable, Sendable, CustomStringConvertible {
  /// Empty for the core group.
  public let group: String
  public let version: String
  /// Plural, lower case: `pods`.
  public let resource: String
  public let namespaced: Bool
  public let kind: String

  public init(group: String, version: String, resource: String, kind: String, namespaced: Bool) {
    self.group = group
    self.version = version
    self.resource = resource
    self.kind = kind
    self.namespaced = namespaced
  }

  public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
  public var description: String { group.isEmpty ? resource : "\(resource).\(group)" }
  /// `/api/v1/namespaces/shop/pods/web`, by what is given.
  public func path(namespace: String? = nil, name: String? = nil, subresource: String? = nil) -> String {
    var path: String = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
    if namespaced, let namespace, !namespace.isEmpty { path += "/namespaces/\(namespace)" }
    path += "/\(resource)"
    if let name { path += "/\(name)" }
    if let subresource { path += "/\(subresource)" }
    return path
  }
}

extension ResourceName {
  public static let namespaces = Self(group: "", version: "v1", resource: "namespaces", kind: "Namespace", namespaced: false)
  public static let nodes = Self(group: "", version: "v1", resource: "nodes", kind: "Node", namespaced: false)
  public static let pods = Self(group: "", version: "v1", resource: "pods", kind: "Pod", namespaced: true)
  public static let services = Self(group: "", version: "v1", resource: "services", kind: "Service", namespaced: true)
  public static let endpoints = Self(group: "", version: "v1", resource: "endpoints", kind: "Endpoints", namespaced: true)
  public static let configMaps = Self(group: "", version: "v1", resource: "configmaps", kind: "ConfigMap", namespaced: true)
  public static let secrets = Self(group: "", version: "v1", resource: "secrets", kind: "Secret", namespaced: true)
  public static let serviceAccounts = Self(
    group: "", version: "v1", resource: "serviceaccounts", kind: "ServiceAccount", namespaced: true)
  public static let events = Self(group: "", version: "v1", resource: "events", kind: "Event", namespaced: true)
  public static let endpointSlices = Self(
    group: "discovery.k8s.io", version: "v1", resource: "endpointslices", kind: "EndpointSlice", namespaced: true)
  public static let leases = Self(group: "coordination.k8s.io", version: "v1", resource: "leases", kind: "Lease", namespaced: true)
  public static let deployments = Self(group: "apps", version: "v1", resource: "deployments", kind: "Deployment", namespaced: true)
  public static let replicaSets = Self(group: "apps", version: "v1", resource: "replicasets", kind: "ReplicaSet", namespaced: true)
  public static let centers = Self(
    group: "federation.tricenter.io", version: "v1", resource: "centers", kind: "Center", namespaced: false)
  public static let clusters = Self(
    group: "federation.tricenter.io", version: "v1", resource: "clusters", kind: "Cluster", namespaced: false)
  public static let failovers = Self(
    group: "federation.tricenter.io", version: "v1", resource: "failovers", kind: "Failover", namespaced: false)
  public static let drills = Self(
    group: "federation.tricenter.io", version: "v1", resource: "drills", kind: "Drill", namespaced: false)
  public static let decisions = Self(
    group: "federation.tricenter.io", version: "v1", resource: "decisions", kind: "Decision", namespaced: false)
  public static let vantages = Self(
    group: "federation.tricenter.io", version: "v1", resource: "vantages", kind: "Vantage", namespaced: false)
  public static let gates = Self(group: "federation.tricenter.io", version: "v1", resource: "gates", kind: "Gate", namespaced: false)
  public static let runbookRuns = Self(
    group: "federation.tricenter.io", version: "v1", resource: "runbookruns", kind: "RunbookRun", namespaced: false)
  public static let runbookApprovals = Self(
    group: "federation.tricenter.io", version: "v1", resource: "runbookapprovals", kind: "RunbookApproval", namespaced: false)
}
