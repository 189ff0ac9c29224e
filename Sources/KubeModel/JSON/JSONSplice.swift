import Primitives

/// Changes one field in a document's bytes and copies the rest: what the storage path does with `metadata.resourceVersion`, which lives
/// in the store's revision and not in the stored bytes.
public enum JSONSplice {
  /// The document with `metadata.resourceVersion` set (replaced, or inserted as metadata's first member).
  public static func settingResourceVersion(_ bytes: Bytes, _ version: String) -> Bytes {
    bytes.withUnsafeBytes { settingResourceVersion($0, version) }
  }

  public static func settingResourceVersion(_ bytes: UnsafeRawBufferPointer, _ version: String) -> Bytes {
    let scan = JSONScan(bytes)
    var result: Bytes = []
    result.reserveCapacity(bytes.count + version.utf8.count + 48)
    if let present: Range<Int> = scan.range("metadata", "resourceVersion") {
      result.append(contentsOf: bytes[..<present.lowerBound])
      result.append(UInt8(ascii: "\""))
      result.append(contentsOf: version.utf8)
      result.append(UInt8(ascii: "\""))
      result.append(contentsOf: bytes[present.upperBound...])
      return result
    }
    if let metadata: Range<Int> = scan.range("metadata"), bytes[metadata.lowerBound] == UInt8(ascii: "{") {
      insert("\"resourceVersion\":\"\(version)\"", intoObjectAt: metadata, of: bytes, &result)
      return result
    }
    if let whole: Range<Int> = scan.range([]), bytes[whole.lowerBound] == UInt8(ascii: "{") {
      insert("\"metadata\":{\"resourceVersion\":\"\(version)\"}", intoObjectAt: whole, of: bytes, &result)
      return result
    }
    return Bytes(bytes)
  }

  /// The document without `metadata.resourceVersion`.
  public static func removingResourceVersion(_ bytes: Bytes) -> Bytes {
    bytes.withUnsafeBytes { raw in
      let scan = JSONScan(raw)
      guard let metadata: Range<Int> = scan.range("metadata") else { return bytes }
      var cut: Range<Int>?
      var previousEnd: Int?
      scan.forEachMember(ofObjectAt: metadata.lowerBound) { key, value in
        if scan.text(key) == "resourceVersion" {
          if let previousEnd {
            cut = previousEnd..<value.upperBound  // with the comma before it
            return false
          }
          cut = key.lowerBound..<value.upperBound
          return true
        }
        if let first: Range<Int> = cut {
          cut = first.lowerBound..<key.lowerBound  // it stood first: with the comma after it
          return false
        }
        previousEnd = value.upperBound
        return true
      }
      guard let cut else { return bytes }
      return Bytes(raw[..<cut.lowerBound]) + Bytes(raw[cut.upperBound...])
    }
  }

  private static func insert(
    _ member: String, intoObjectAt range: Range<Int>, of bytes: UnsafeRawBufferPointer, _ result: inout Bytes
  ) {
    var isEmpty: Bool = true
    JSONScan(bytes).forEachMember(ofObjectAt: range.lowerBound) { _, _ in
      isEmpty = false
      return false
    }
    result.append(contentsOf: bytes[...range.lowerBound])
    result.append(contentsOf: member.utf8)
    if !isEmpty { result.append(UInt8(ascii: ",")) }
    result.append(contentsOf: bytes[(range.lowerBound + 1)...])
  }
}
