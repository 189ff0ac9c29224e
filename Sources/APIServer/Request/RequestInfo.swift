import HTTPTypes

/// What a request wants, read from its method and path alone, before anything is looked up.
/// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#review-your-request-attributes
struct RequestInfo: Sendable {
  /// `get list watch create update patch delete deletecollection` for resources, the method in lower case for other paths.
  var verb: String
  /// Without the query.
  var path: String
  var query: QueryParameters
  var isResource: Bool = false
  var group: String = ""
  var version: String = ""
  /// Plural; empty for paths that are not resources.
  var resource: String = ""
  var subresource: String = ""
  /// Empty: all namespaces, or a resource of the cluster. For `namespaces` itself: the name, as in Kubernetes.
  var namespace: String = ""
  var name: String = ""

  /// Nil if the method is none that the API knows.
  init?(_ head: HTTPRequest) {
    let target: String = head.path ?? "/"
    let halves: [Substring] = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(halves[0])
    query = QueryParameters(halves.count > 1 ? halves[1] : "")
    verb = head.method.rawValue.lowercased()
    var parts: [String] = halves[0].split(separator: "/").map { PercentCoding.decode($0) }
    guard parts.count >= 3, parts[0] == "api" || parts[0] == "apis" else { return }
    if parts[0] == "api" {
      version = parts[1]
      parts.removeFirst(2)
    } else {
      guard parts.count >= 4 else { return }
      group = parts[1]
      version = parts[2]
      parts.removeFirst(3)
    }
    var legacyWatch: Bool = false
    if parts[0] == "watch" {
      // The path form of watches from before `?watch=true`, kept by Kubernetes.
      legacyWatch = true
      parts.removeFirst()
      guard !parts.isEmpty else { return }
    }
    isResource = true
    if parts[0] == "namespaces" {
      if parts.count > 1 {
        namespace = parts[1]
        // `namespaces/shop/status` is the namespace's own; `namespaces/shop/pods` lies in it.
        if parts.count > 2, !["status", "finalize"].contains(parts[2]) { parts.removeFirst(2) }
      }
    }
    resource = parts[0]
    if parts.count > 1 { name = parts[1] }
    if parts.count > 2 { subresource = parts[2...].joined(separator: "/") }
    switch head.method {
    case .get, .head: verb = name.isEmpty ? (query.flag("watch") || legacyWatch ? "watch" : "list") : (legacyWatch ? "watch" : "get")
    case .post: verb = "create"
    case .put: verb = "update"
    case .patch: verb = "patch"
    case .delete: verb = name.isEmpty ? "deletecollection" : "delete"
    default: return nil
    }
    if verb == "get", query.flag("watch"), subresource.isEmpty { verb = "watch" }
    if let stream: PodStream = podStream, verb == "get" { verb = stream.verb }
  }

  /// Set for `pods/log` and what opens a stream into a pod.
  var podStream: PodStream? { group.isEmpty && resource == "pods" ? PodStream(rawValue: subresource) : nil }

  /// `pods/status`, as rules name it.
  var resourcePath: String { subresource.isEmpty ? resource : "\(resource)/\(subresource)" }
}
