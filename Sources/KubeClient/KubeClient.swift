import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives

/// Calls an apiserver, wherever the transport leads: over HTTPS, or in the same process. Objects are trees; what a
/// caller does not read costs nothing more. Every call throws `KubeError`, or `CancellationError` when its task was cancelled.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/
public struct KubeClient: Sendable {
  /// How long one call other than a watch may take, its retries not counted.
  public var requestTimeout: Duration = .seconds(30)
  /// Follows the server's `Retry-After` (the request was not carried out then). Off where the caller has its own deadline.
  public var followsRetryAfter: Bool = true
  /// Who writes, in `metadata.managedFields` and in the server's audit trail.
  public let fieldManager: String
  let transport: any HTTPTransport

  public init(transport: any HTTPTransport, fieldManager: String) {
    self.transport = transport
    self.fieldManager = fieldManager
    KubeClientLimits.assertRelations()
  }

  public func get(_ resource: ResourceName, namespace: String = "", name: String) async throws -> KubeObject {
    try await call(
      .get, RequestTarget(path: resource.path(namespace: namespace, name: name)), what: Self.what("get", resource, namespace, name))
  }

  /// The object, or nil where there is none. `cached`: as the server has it in memory, which may be old but costs no round through the
  /// quorum.
  public func find(_ resource: ResourceName, namespace: String = "", name: String, cached: Bool = false) async throws -> KubeObject? {
    do {
      guard cached else { return try await get(resource, namespace: namespace, name: name) }
      var target = RequestTarget(path: resource.path(namespace: namespace, name: name))
      target.add("resourceVersion", "0")
      return try await call(.get, target, what: Self.what("get", resource, namespace, name))
    } catch let error as KubeError where error.code == .notFound {
      return nil
    }
  }

  /// All pages. With `resourceVersion` nil the answer has every write acknowledged before the call; "0" takes what the
  /// server has in memory.
  public func list(
    _ resource: ResourceName, namespace: String = "", labelSelector: String? = nil, fieldSelector: String? = nil,
    resourceVersion: String? = nil
  ) async throws -> KubeList {
    let what: String = Self.what("list", resource, namespace, "")
    var whole = KubeList()
    var token: String?
    for _ in 0..<KubeClientLimits.listPages {
      var target = RequestTarget(path: resource.path(namespace: namespace))
      target.add("limit", String(KubeClientLimits.listPage))
      target.add("labelSelector", labelSelector)
      target.add("fieldSelector", fieldSelector)
      if let token { target.add("continue", token) } else { target.add("resourceVersion", resourceVersion) }
      let page: KubeObject = try await call(.get, target, what: what)
      whole.resourceVersion = page.resourceVersion
      whole.items.reserveCapacity(whole.items.count + page["items"].array.count)
      for item in page["items"].array {
        // Items of a list carry no kind of their own in some answers; informers and owners want it.
        var object = KubeObject(item)
        if object.kind.isEmpty {
          object.kind = resource.kind
          object.apiVersion = resource.apiVersion
        }
        whole.items.append(object)
      }
      token = page.metadata["continue"].string
      guard let token, !token.isEmpty else { return whole }
    }
    throw KubeError(.tooLarge, "\(what): more than \(KubeClientLimits.listPages) pages; the server may be repeating its continue token.")
  }

  /// Creates the object in its own namespace. `dryRun`: the server authorizes, admits and validates it, and stores nothing.
  public func create(_ resource: ResourceName, _ object: KubeObject, dryRun: Bool = false) async throws -> KubeObject {
    var target = RequestTarget(path: resource.path(namespace: object.namespace))
    target.add("fieldManager", fieldManager)
    if dryRun { target.add("dryRun", "All") }
    return try await call(.post, target, body: object.json, what: Self.what("create", resource, object.namespace, object.name))
  }

  /// Writes the whole object. Fails with `.conflict` if it has a resourceVersion that is not the latest.
  public func update(_ resource: ResourceName, _ object: KubeObject, subresource: String? = nil) async throws -> KubeObject {
    var target = RequestTarget(path: resource.path(namespace: object.namespace, name: object.name, subresource: subresource))
    target.add("fieldManager", fieldManager)
    return try await call(
      .put, target, body: object.json, what: Self.what("update", resource, object.namespace, object.name, subresource))
  }

  public func patch(
    _ resource: ResourceName, namespace: String = "", name: String, type: PatchType, _ patch: JSONValue, subresource: String? = nil
  ) async throws -> KubeObject {
    var target = RequestTarget(path: resource.path(namespace: namespace, name: name, subresource: subresource))
    target.add("fieldManager", fieldManager)
    if case .apply(force: true) = type { target.add("force", "true") }
    return try await call(
      .patch, target, body: patch, contentType: type.contentType, what: Self.what("patch", resource, namespace, name, subresource))
  }

  public func delete(_ resource: ResourceName, namespace: String = "", name: String, options: DeleteOptions = .init()) async throws {
    _ = try await call(
      .delete, RequestTarget(path: resource.path(namespace: namespace, name: name)), body: options.json,
      what: Self.what("delete", resource, namespace, name))
  }

  /// Deletes all objects of a namespace that carry the label, in one request.
  public func deleteCollection(_ resource: ResourceName, namespace: String, labelSelector: String) async throws {
    var target = RequestTarget(path: resource.path(namespace: namespace))
    target.add("labelSelector", labelSelector)
    _ = try await call(.delete, target, body: DeleteOptions().json, what: Self.what("delete", resource, namespace, labelSelector))
  }

  /// Posts to a subresource that makes something happen: `pods/binding`, `pods/eviction`.
  public func createSubresource(
    _ resource: ResourceName, namespace: String, name: String, subresource: String, _ object: KubeObject
  ) async throws -> KubeObject {
    var target = RequestTarget(path: resource.path(namespace: namespace, name: name, subresource: subresource))
    target.add("fieldManager", fieldManager)
    return try await call(.post, target, body: object.json, what: Self.what("create", resource, namespace, name, subresource))
  }

  /// Any other JSON document of the server by its path: discovery (`/apis`), `/version`.
  public func document(path: String) async throws -> JSONValue {
    try await call(.get, RequestTarget(path: path), what: "get \(path)").json
  }

  static func what(
    _ verb: String, _ resource: ResourceName, _ namespace: String, _ name: String, _ subresource: String? = nil
  ) -> String {
    var text: String = "\(verb) \(resource)"
    if let subresource { text += "/\(subresource)" }
    if !namespace.isEmpty {
      text += name.isEmpty ? " in \(namespace)" : " \(namespace)/\(name)"
    } else if !name.isEmpty {
      text += " \(name)"
    }
    return text
  }
}
