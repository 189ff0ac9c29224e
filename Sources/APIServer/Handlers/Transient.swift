import KubeModel
import NIOCore
import Primitives

extension Handlers {
  /// Kinds that are a question and its answer, and are not kept.
  func createTransient(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    if resource.name.resource == "bindings" { return try await bind(context) }
    let body: ByteBuffer = try await BodyDecoding.collect(context.request, limit: limits.bodyBytes)
    var object = KubeObject(try BodyDecoding.document(body, mediaType: BodyDecoding.mediaType(context.request.head)).value)
    try checkKind(object, kind: resource.name.kind, apiVersion: resource.name.apiVersion)
    object.kind = resource.name.kind
    object.apiVersion = resource.name.apiVersion
    object.json["metadata"]["creationTimestamp"] = .string(now)
    let groups: JSONValue = .array(context.user.groups.map { .string($0) })
    switch resource.name.resource {
    case "selfsubjectaccessreviews": object.json["status"] = review(object, context.user)
    case "selfsubjectreviews": object.json["status"] = ["userInfo": ["username": .string(context.user.name), "groups": groups]]
    default: throw KubeStatus.methodNotAllowed(resource.name, action: "create")
    }
    return Reply(status: 201, object.json)
  }

  /// What `kubectl auth can-i` asks.
  private func review(_ object: KubeObject, _ user: UserInfo) -> JSONValue {
    let asked: JSONValue = object.spec["resourceAttributes"]
    let path: JSONValue = object.spec["nonResourceAttributes"]
    let attributes = Authorizer.Attributes(
      user: user, verb: asked["verb"].string ?? path["verb"].string ?? "", resource: asked["resource"].string ?? "",
      group: asked["group"].string ?? "", subresource: asked["subresource"].string ?? "", namespace: asked["namespace"].string ?? "",
      name: asked["name"].string ?? "", path: path["path"].string ?? "")
    switch configuration.authorizer.decide(attributes) {
    case .allowed: return ["allowed": true]
    case .allowedForPodsOf(let node): return ["allowed": true, "reason": .string("for pods bound to node \(node)")]
    case .forbidden: return ["allowed": false]
    }
  }
}
