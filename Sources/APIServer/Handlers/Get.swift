import KubeModel
import Primitives

extension Handlers {
  /// Without a resource version: by quorum, so that the answer has every write acknowledged before the request came. The fencing lease is
  /// read this way. With one: from the cache, once it is not older.
  func get(_ resource: Resource, _ context: RequestContext) async throws -> Reply {
    try reply(try await object(resource, context.info), resource, context.form, includeObject: context.info.query["includeObject"])
  }

  func object(_ resource: Resource, _ info: RequestInfo) async throws -> StoredObject {
    let path: Bytes = resource.path(namespace: info.namespace, name: info.name)
    let found: StoredObject?
    if let text: String = info.query["resourceVersion"] {
      guard let version = Int64(text), version >= 0 else {
        throw KubeStatus.badRequest("resourceVersion: Invalid value: \"\(text)\": it must be a whole number")
      }
      try await wait(resource, for: version)
      found = resource.hub.object(path)
    } else {
      found = try await storage.get(resource, path)
    }
    guard let found else { throw KubeStatus.notFound(resource.name, name: info.name) }
    return found
  }
}
