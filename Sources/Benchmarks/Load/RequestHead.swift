import NIOCore

/// The header blocks of gRPC requests to one path: the first one enters its fields into the peer's dynamic table (RFC 7541 §6.2.1), all
/// later ones are six indexes. It costs the server what a Go client costs it, and the client nothing.
struct RequestHead {
  /// Sent once per connection, before any `again`.
  let first: [UInt8]
  /// Six bytes: static `:method POST` and `:scheme`, then the dynamic entries, newest last.
  let again: [UInt8]

  /// Bytes that the four entries take in the dynamic table (RFC 7541 §4.1): their text and 32 each.
  let tableBytes: Int

  init(path: String, authority: String, secure: Bool) {
    let scheme: UInt8 = secure ? 0x87 : 0x86
    var block: [UInt8] = [0x83, scheme]
    block += [0x44] + Self.text(path)
    block += [0x41] + Self.text(authority)
    block += [0x5F] + Self.text("application/grpc")
    block += [0x40] + Self.text("te") + Self.text("trailers")
    first = block
    // The table counts from the newest entry, 62: te, content-type, :authority, :path.
    again = [0x83, scheme, 0xC1, 0xC0, 0xBF, 0xBE]
    let texts: [String] = [":path", path, ":authority", authority, "content-type", "application/grpc", "te", "trailers"]
    tableBytes = texts.reduce(4 * 32) { $0 + $1.utf8.count }
  }

  /// A string literal without Huffman coding (RFC 7541 §5.2).
  private static func text(_ value: String) -> [UInt8] {
    let bytes: [UInt8] = Array(value.utf8)
    precondition(bytes.count < 127, "\(value) is too long for a length of one byte")
    return [UInt8(bytes.count)] + bytes
  }
}
