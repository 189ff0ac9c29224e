import Glibc
import KubeModel
import Keyspace
import NIOCore
import Primitives

/// One object as the store has it, made once per revision and shared by every list and watcher: its JSON with the resource version
/// in place, and what selectors look at.
final class StoredObject: Sendable {
  /// Path inside the resource's folder: `shop/web`.
  let path: Bytes
  let namespace: String
  let name: String
  /// Mod revision; for the object of a deletion the deletion's revision.
  let revision: Int64
  /// The object's JSON as clients get it.
  let encoded: ByteBuffer
  let labels: [String: String]
  /// Values of the resource's selectable fields.
  let fields: [String: String]

  init(path: Bytes, value: Bytes, revision: Int64, definition: ResourceDefinition) {
    self.path = path
    self.revision = revision
    var value: Bytes = value
    if let face: StoredFace = definition.face, let json: JSONValue = try? value.withUnsafeBytes({ try JSONValue.parse($0) }) {
      value = face.read(json).serialized()
    }
    let parts: [Substring] = String(decoding: path, as: UTF8.self).split(separator: "/", maxSplits: 1)
    namespace = parts.count > 1 ? String(parts[0]) : ""
    name = parts.last.map { String($0) } ?? ""
    encoded = ByteBuffer(bytes: JSONSplice.settingResourceVersion(value, String(revision)))
    let scanned: ([String: String], [String: String]) = value.withUnsafeBytes { raw in
      (JSONScan(raw).stringMap("metadata", "labels"), definition.selectableValues(raw))
    }
    labels = scanned.0
    var fields: [String: String] = scanned.1
    fields["metadata.name"] = name
    if parts.count > 1 { fields["metadata.namespace"] = namespace }
    self.fields = fields
  }

  /// The same content told at another revision: a deletion's last state, or the state in which it left a selector.
  init(_ other: StoredObject, at revision: Int64) {
    path = other.path
    namespace = other.namespace
    name = other.name
    self.revision = revision
    encoded = other.encoded.withUnsafeReadableBytes { ByteBuffer(bytes: JSONSplice.settingResourceVersion($0, String(revision))) }
    labels = other.labels
    fields = other.fields
  }

  /// The whole tree, for what cannot be told from bytes: tables, patches, admission.
  func object() throws -> KubeObject {
    KubeObject(try encoded.withUnsafeReadableBytes { try JSONValue.parse($0) })
  }
}

extension Array where Element == UInt8 {
  /// memcmp order, then length: the order of keys in the store.
  func precedes(_ other: Bytes) -> Bool {
    let common: Int = Swift.min(count, other.count)
    let order: Int32 = withUnsafeBytes { left in
      other.withUnsafeBytes { right in common == 0 ? 0 : memcmp(left.baseAddress!, right.baseAddress!, common) }
    }
    return order == 0 ? count < other.count : order < 0
  }
}
