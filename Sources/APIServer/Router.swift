import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Observability
import Primitives

/// From a request to the handler for it.
struct Router: Sendable {
  enum Answer: Sendable {
    case reply(Reply)
    case watch(Resource, RequestContext)
    case stream(PodStream, RequestContext)
  }

  let handlers: Handlers
  private let legacy: LegacyDiscovery
  private let aggregated: AggregatedDiscovery
  private let openAPI: OpenAPIEndpoint

  init(handlers: Handlers) {
    self.handlers = handlers
    let address: String = handlers.configuration.advertiseAddress
    legacy = LegacyDiscovery(
      catalog: handlers.catalog, serverAddress: address.isEmpty ? "" : "\(address):\(handlers.configuration.advertisePort)")
    aggregated = AggregatedDiscovery(catalog: handlers.catalog)
    openAPI = OpenAPIEndpoint()
  }

  func route(_ request: ServerRequest, _ info: RequestInfo, _ user: UserInfo, isReady: Bool) async throws -> Answer {
    guard info.isResource else { return .reply(try await document(request, info, isReady: isReady)) }
    guard let resource: Resource = handlers.catalog.resource(group: info.group, version: info.version, resource: info.resource) else {
      throw KubeStatus.unknownPath()
    }
    let context = RequestContext(
      request: request, info: info, user: user, form: try OutputForm.negotiate(request.head.headerFields[.accept]))
    try checkPlace(resource, info)
    if resource.name == .pods, let kind: PodStream = info.podStream {
      let methods: [HTTPRequest.Method] = kind == .log ? [.get] : [.get, .post]
      guard !info.name.isEmpty, methods.contains(request.head.method) else {
        throw KubeStatus.methodNotAllowed(resource.name, action: info.verb)
      }
      return .stream(kind, context)
    }
    if info.verb == "watch" {
      guard resource.isStored, info.subresource.isEmpty else { throw KubeStatus.methodNotAllowed(resource.name, action: "watch") }
      return .watch(resource, context)
    }
    return .reply(try await answer(resource, context))
  }

  /// Whether this resource can be where the path says.
  private func checkPlace(_ resource: Resource, _ info: RequestInfo) throws {
    if resource.isNamespaced {
      // Across namespaces one may only look.
      if info.namespace.isEmpty, !["list", "watch", "deletecollection", "create"].contains(info.verb) || !info.name.isEmpty {
        throw KubeStatus.unknownPath()
      }
    } else if !info.namespace.isEmpty, resource.name != .namespaces {
      throw KubeStatus.unknownPath()
    }
  }

  private func answer(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    let info: RequestInfo = context.info
    func refused() -> KubeStatus { .methodNotAllowed(resource.name, action: info.verb) }
    guard info.subresource.isEmpty else {
      guard let subresource = resource.definition.subresource(info.subresource) else { throw KubeStatus.unknownPath() }
      guard subresource.verbs.contains(info.verb) else { throw refused() }
      return try await answer(resource, subresource: info.subresource, context)
    }
    guard resource.isStored else {
      guard resource.verbs.contains(info.verb) else { throw refused() }
      return try await handlers.createTransient(resource, context)
    }
    guard resource.verbs.contains(info.verb) else { throw refused() }
    // A collection is listed, added to or deleted; one object is not created by a POST to its own path.
    guard info.name.isEmpty == ["list", "create", "deletecollection"].contains(info.verb) else { throw refused() }
    switch info.verb {
    case "get":
      let reason: String? = handlers.configuration.withheld?(resource.name, info.namespace, info.name)
      if let reason { throw KubeStatus.unavailable(reason) }
      return try await handlers.get(resource, context)
    case "list": return try await handlers.list(resource, context)
    case "create": return try await handlers.create(resource, context)
    case "update": return try await handlers.update(resource, context)
    case "patch": return try await handlers.patch(resource, context)
    case "delete": return try await handlers.delete(resource, context)
    case "deletecollection": return try await handlers.deleteCollection(resource, context)
    default: throw refused()
    }
  }

  private func answer(_ resource: Resource, subresource: String, _ context: RequestContext) async throws -> Reply {
    switch (subresource, context.info.verb) {
    case ("scale", "get"): try await handlers.getScale(resource, context)
    case ("scale", "update"): try await handlers.updateScale(resource, context)
    case ("scale", "patch"): try await handlers.patchScale(resource, context)
    case ("binding", "create"): try await handlers.bind(context)
    case ("eviction", "create"): try await handlers.evict(context)
    case ("status", "get"): try await handlers.get(resource, context)
    case ("status", "update"), ("finalize", "update"): try await handlers.update(resource, context)
    case ("status", "patch"): try await handlers.patch(resource, context)
    default: throw KubeStatus.methodNotAllowed(resource.name, action: "\(context.info.verb) of \(subresource)")
    }
  }

  /// Everything that is no resource.
  private func document(_ request: ServerRequest, _ info: RequestInfo, isReady: Bool) async throws -> Reply {
    guard request.head.method == .get || request.head.method == .head else { throw KubeStatus.unknownPath() }
    let parts: [Substring] = info.path.split(separator: "/")
    let accept: String? = request.head.headerFields[.accept]
    switch parts.first {
    case nil: return Reply(["paths": .array(Self.paths.map { .string($0) })])
    case "version": return Reply(VersionDocument.json)
    case "livez", "healthz", "readyz": return try await HealthEndpoint(handlers: handlers, isReady: isReady).reply(info)
    case "metrics": return Reply(text: PrometheusRegistry.shared.text())
    case "openapi": return try openAPI.reply(info, accept: accept)
    case "api", "apis": return try discovery(parts, accept: accept)
    default: throw KubeStatus.unknownPath()
    }
  }

  private func discovery(_ parts: [Substring], accept: String?) throws -> Reply {
    switch (parts[0], parts.count) {
    case ("api", 1), ("apis", 1):
      let isCore: Bool = parts[0] == "api"
      if let (contentType, version): (String, String) = AggregatedDiscovery.negotiate(accept) {
        var reply = Reply(aggregated.document(core: isCore, version: version))
        reply.contentType = contentType
        return reply
      }
      return Reply(isCore ? legacy.coreVersions() : legacy.groupList())
    case ("api", 2):
      if let list: JSONValue = legacy.resourceList(group: "", version: String(parts[1])) { return Reply(list) }
    case ("apis", 2):
      if let group: JSONValue = legacy.group(String(parts[1])) { return Reply(group) }
    case ("apis", 3):
      if let list: JSONValue = legacy.resourceList(group: String(parts[1]), version: String(parts[2])) { return Reply(list) }
    default: break
    }
    throw KubeStatus.unknownPath()
  }

  private static let paths: [String] = [
    "/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version",
  ]
}
