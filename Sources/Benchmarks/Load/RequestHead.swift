import NIOCore

/// The header blocks of gRPC requests to one path: the first one enters its fields into the peer's dynamic table (RFC 7541 §6.2.1), all
/// later ones are an index each. It costs the server what a Go client costs it, and the client nothing.
struct RequestHead {
  /// Sent once per connection, before any `again`.
  let first: [UInt8]
  /// A byte each: static `:method POST` and `:scheme`, then the dynamic entries, newest last.
  let again: [UInt8]

  /// Bytes that the entries take in the dynamic table (RFC 7541 §4.1): their text and 32 each.
  let tableBytes: Int

  /// `metadata`: what else each request says, such as how safe a write must be.
  init(path: String, authority: String, secure: Bool, metadata: [(name: String, value: String)] = []) {
    let scheme: UInt8 = secure ? 0x87 : 0x86
    var block: [UInt8] = [0x83, scheme]
    block += [0x44] + Self.text(path)
    block += [0x41] + Self.text(authority)
    block += [0x5F] + Self.text("application/grpc")
    var texts: [String] = [":path", path, ":authority", authority, "content-type", "application/grpc"]
    for (name, value) in [("te", "trailers")] + metadata {
      block += [0x40] + Self.text(name) + Self.text(value)
      texts += [name, value]
    }
    first = block
    // The table counts from the newest entry, 62.
    again = [0x83, scheme] + (0..<texts.count / 2).reversed().map { 0x80 | UInt8(62 + $0) }
    tableBytes = texts.reduce(texts.count / 2 * 32) { $0 + $1.utf8.count }
  }

  /// A string literal without Huffman coding (RFC 7541 §5.2).
  private static func text(_ value: String) -> [UInt8] {
    let bytes: [UInt8] = Array(value.utf8)
    precondition(bytes.count < 127, "\(value) is too long for a length of one byte")
    return [UInt8(bytes.count)] + bytes
  }
}
