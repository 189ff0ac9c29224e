import KubeModel
import Primitives

/// Where a list goes on: at which revision, after which path. Opaque to clients, base64url of a small JSON document.
struct ContinueToken: Hashable, Sendable {
  /// -1: whatever is newest, for a list that went on after its revision was compacted away.
  var revision: Int64
  /// The first path of the next page is the one after this.
  var after: Bytes

  var text: String {
    let document: JSONValue = ["v": "tricenter/v1", "rv": .int(revision), "after": .string(after.text)]
    return Base64URL.encode(document.serialized())
  }

  init(revision: Int64, after: Bytes) {
    self.revision = revision
    self.after = after
  }

  init(_ text: String) throws {
    guard let bytes: Bytes = Base64URL.decode(text), let document = try? JSONValue.parse(bytes), document["v"].string == "tricenter/v1",
      let revision: Int64 = document["rv"].int, let after: String = document["after"].string, revision != 0
    else { throw KubeStatus.badRequest("continue key is not valid: it must be what the last page's metadata.continue said") }
    self.revision = revision
    self.after = Bytes(after)
  }
}

/// RFC 4648 section 5, without padding.
enum Base64URL {
  private static let alphabet: Bytes = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

  static func encode(_ bytes: Bytes) -> String {
    var text: Bytes = []
    var index: Int = 0
    while index < bytes.count {
      let present: Int = min(3, bytes.count - index)
      var word: UInt32 = 0
      for offset in 0..<3 { word = word << 8 | (offset < present ? UInt32(bytes[index + offset]) : 0) }
      for place in 0...present { text.append(alphabet[Int(word >> UInt32(18 - 6 * place) & 63)]) }
      index += 3
    }
    return text.text
  }

  static func decode(_ text: String) -> Bytes? {
    var bytes: Bytes = []
    var word: UInt32 = 0
    var bits: Int = 0
    for byte in text.utf8 where byte != 61 {
      let value: UInt32
      switch byte {
      case 65...90: value = UInt32(byte - 65)
      case 97...122: value = UInt32(byte - 71)
      case 48...57: value = UInt32(byte + 4)
      case 45, 43: value = 62
      case 95, 47: value = 63
      default: return nil
      }
      word = word << 6 | value
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
      }
    }
    return bytes
  }
}
