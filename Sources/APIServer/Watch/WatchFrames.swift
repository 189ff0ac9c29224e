import KubeModel
import NIOCore
import Primitives

/// Watch events as they go over the wire, one JSON document per line. Objects' bytes are copied in, never made again.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
struct WatchFrames {
  let resource: Resource
  let form: OutputForm
  var tables: TableOutput
  private var toldColumns: Bool = false
  private(set) var buffer = ByteBuffer()

  init(resource: Resource, form: OutputForm, tables: TableOutput) {
    self.resource = resource
    self.form = form
    self.tables = tables
  }

  var isEmpty: Bool { buffer.readableBytes == 0 }
  var count: Int { buffer.readableBytes }

  mutating func take() -> ByteBuffer {
    let taken: ByteBuffer = buffer
    buffer = ByteBuffer()
    return taken
  }

  mutating func append(_ kind: WatchEntry.Kind, _ object: StoredObject, now: WallTime) throws {
    switch kind {
    case .added: buffer.writeStaticString("{\"type\":\"ADDED\",\"object\":")
    case .modified: buffer.writeStaticString("{\"type\":\"MODIFIED\",\"object\":")
    case .deleted: buffer.writeStaticString("{\"type\":\"DELETED\",\"object\":")
    }
    switch form {
    case .whole: buffer.writeImmutableBuffer(object.encoded)
    case .metadata: buffer.writeImmutableBuffer(PartialMetadata.encode(object.encoded))
    case .table:
      tables.now = now
      let table: JSONValue = try tables.document(
        rows: [object], metadata: ["resourceVersion": .string(String(object.revision))], withColumns: !toldColumns)
      toldColumns = true
      buffer.writeBytes(table.serialized())
    }
    buffer.writeStaticString("}\n")
  }

  /// "Everything up to here has been told." With `initialEventsEnd`: the end of the initial events (KEP-3157).
  mutating func appendBookmark(revision: Int64, initialEventsEnd: Bool) {
    var metadata: JSONValue = ["resourceVersion": .string(String(revision)), "creationTimestamp": nil]
    if initialEventsEnd { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
    var object: JSONValue
    switch form {
    case .whole: object = ["kind": .string(resource.name.kind), "apiVersion": .string(resource.name.apiVersion)]
    case .metadata: object = ["kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"]
    case .table: object = ["kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": [], "rows": []]
    }
    object["metadata"] = metadata
    buffer.writeStaticString("{\"type\":\"BOOKMARK\",\"object\":")
    buffer.writeBytes(object.serialized())
    buffer.writeStaticString("}\n")
  }

  mutating func appendError(_ error: KubeStatus) {
    buffer.writeStaticString("{\"type\":\"ERROR\",\"object\":")
    buffer.writeBytes(error.json.serialized())
    buffer.writeStaticString("}\n")
  }
}
