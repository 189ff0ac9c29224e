import KubeModel
import NIOCore

/// A list put together from encoded objects: nothing is decoded.
struct ListBody {
  var kind: String
  var apiVersion: String
  var revision: Int64
  var continueToken: String = ""
  /// Objects after this page, where they can be told.
  var remaining: Int64?

  var metadata: JSONValue {
    var metadata: JSONValue = ["resourceVersion": .string(String(revision))]
    if !continueToken.isEmpty { metadata["continue"] = .string(continueToken) }
    if let remaining, remaining > 0 { metadata["remainingItemCount"] = .int(remaining) }
    return metadata
  }

  func encode(_ items: [ByteBuffer]) -> ByteBuffer {
    let head: String = "{\"kind\":\"\(kind)\",\"apiVersion\":\"\(apiVersion)\",\"metadata\":"
    var body = ByteBuffer()
    body.reserveCapacity(items.reduce(256) { $0 + $1.readableBytes + 1 })
    body.writeString(head)
    body.writeBytes(metadata.serialized())
    body.writeString(",\"items\":[")
    for (index, item) in items.enumerated() {
      if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
      body.writeImmutableBuffer(item)
    }
    body.writeString("]}")
    return body
  }
}

enum PartialMetadata {
  /// The object's metadata alone, its bytes cut out of the object's.
  static func encode(_ object: ByteBuffer) -> ByteBuffer {
    object.withUnsafeReadableBytes { raw in
      var body = ByteBuffer()
      body.writeString("{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":")
      if let range: Range<Int> = JSONScan(raw).range("metadata") {
        body.writeBytes(UnsafeRawBufferPointer(rebasing: raw[range]))
      } else {
        body.writeString("{}")
      }
      body.writeString("}")
      return body
    }
  }
}
