import HTTP
import KubeModel
import Keyspace
import Logging
import NIOCore
import Primitives

/// What handlers work with. Each verb is an extension in a file of its own.
struct Handlers: Sendable {
  let configuration: APIServerConfiguration
  let limits: APIServerLimits
  let storage: ObjectStorage
  let catalog: Catalog
  let admission: Admission
  let feed: StoreFeed
  let names: NameSource
  let clock: any TimeSource
  let logger: Logger

  /// How long a request waits for something: a deadline from now.
  func deadline(_ wait: Duration) -> MonotonicTime { clock.now() + wait }
  var now: String { clock.wall().rfc3339 }

  /// Brings the resource's cache to everything acknowledged before the call.
  func synchronize(_ resource: Resource) async throws {
    let revision: Int64 = try await storage.currentRevision()
    try await wait(resource, for: revision)
  }

  func wait(_ resource: Resource, for revision: Int64) async throws {
    if resource.hub.isLoaded, resource.hub.revision >= revision { return }
    feed.requestProgress()
    guard await resource.hub.wait(for: revision, deadline: deadline(limits.revisionWait)) else {
      try Task.checkCancellation()
      guard resource.hub.isLoaded else { throw KubeStatus.tooManyRequests("storage is (re)initializing") }
      throw KubeStatus.tooLargeVersion(revision, current: resource.hub.revision)
    }
  }

  /// A node's ranges of pod addresses are compared with those of all other nodes: what was acknowledged before must be known here.
  func synchronizePodRanges(_ resource: Resource, old: KubeObject?, _ node: KubeObject) async throws {
    guard resource.name == .nodes else { return }
    let keys: [Bytes] = admission.podRangeKeys(node)
    if !keys.isEmpty, keys != old.map({ admission.podRangeKeys($0) }) { try await synchronize(resource) }
  }

  /// One object in the form asked for.
  func reply(_ object: StoredObject, _ resource: Resource, _ form: OutputForm, status: Int = 200, includeObject: String? = nil) throws
    -> Reply
  {
    switch form {
    case .whole: return Reply(status: status, body: object.encoded)
    case .metadata: return Reply(status: status, body: PartialMetadata.encode(object.encoded))
    case .table:
      let tables = TableOutput(resource: resource, includeObject: includeObject, now: clock.wall())
      return Reply(
        status: status,
        try tables.document(rows: [object], metadata: ["resourceVersion": .string(String(object.revision))], withColumns: true))
    }
  }

  /// One object that is a tree (not yet, or no more, in the cache).
  func reply(_ object: KubeObject, _ resource: Resource, _ form: OutputForm, status: Int = 200) throws -> Reply {
    switch form {
    case .whole: return Reply(status: status, object.json)
    case .metadata: return Reply(status: status, body: PartialMetadata.encode(ByteBuffer(bytes: object.json.serialized())))
    case .table:
      let tables = TableOutput(resource: resource, includeObject: nil, now: clock.wall())
      return Reply(
        status: status,
        tables.document(objects: [object], metadata: ["resourceVersion": .string(object.resourceVersion)], withColumns: true))
    }
  }
}
