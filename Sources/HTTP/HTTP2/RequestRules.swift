import TLS

/// Why a request is malformed (RFC 9113 section 8.1.1); a stream error of type PROTOCOL_ERROR.
struct MalformedRequest: Error, Equatable {
  let reason: String
}

/// What makes a decoded header block a request, or trailers (RFC 9113 sections 8.2, 8.3). Everything that could mean two things to
/// two implementations, and so smuggle a request past one of them, is refused.
enum RequestRules {
  struct Judged {
    var head: StreamHead
    /// As the head announced it; nil if it did not.
    var contentLength: Int?
  }

  static func head(_ fields: [HeaderField], peer: PeerIdentity?, remoteAddress: String) throws(MalformedRequest) -> Judged {
    var method: String?
    var scheme: String?
    var authority: String?
    var path: String?
    var pseudo: Int = 0
    while pseudo < fields.count, fields[pseudo].name.utf8.first == UInt8(ascii: ":") {
      let field: HeaderField = fields[pseudo]
      let duplicate: Bool
      switch field.name {
      case ":method":
        duplicate = method != nil
        method = field.value
      case ":scheme":
        duplicate = scheme != nil
        scheme = field.value
      case ":authority":
        duplicate = authority != nil
        authority = field.value
      case ":path":
        duplicate = path != nil
        path = field.value
      default: throw MalformedRequest(reason: "the pseudo field \(printable(field.name)) has no meaning in a request")
      }
      if duplicate { throw MalformedRequest(reason: "the pseudo field \(field.name) comes twice") }
      try checkValue(field)
      pseudo += 1
    }
    var contentLength: Int?
    var host: String?
    for field in fields[pseudo...] {
      try checkName(field.name)
      try checkValue(field)
      switch field.name {
      case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
        throw MalformedRequest(reason: "the field \(field.name) belongs to HTTP/1.1")
      case "te":
        // `trailers` in any case of letters; a list of it is as good (RFC 9110 section 10.1.4).
        guard field.value.lowercased() == "trailers" else { throw MalformedRequest(reason: "the field te says more than trailers") }
      case "host":
        if host != nil { throw MalformedRequest(reason: "the field host comes twice") }
        host = field.value
      case "content-length":
        let length: Int = try parseLength(field.value)
        if let contentLength, contentLength != length { throw MalformedRequest(reason: "two different content lengths") }
        contentLength = length
      default: break
      }
    }
    guard let method, isToken(method) else { throw MalformedRequest(reason: "no :method, or one that is no token") }
    if let authority, let host, authority != host { throw MalformedRequest(reason: ":authority and host differ") }
    let name: String = authority ?? host ?? ""
    if name.utf8.contains(where: { $0 == UInt8(ascii: "@") || $0 <= 32 || $0 == 127 }) {
      throw MalformedRequest(reason: ":authority is not a host and a port")
    }
    if method == "CONNECT" {
      guard scheme == nil, path == nil, authority != nil else {
        throw MalformedRequest(reason: "CONNECT has an :authority, no :scheme and no :path")
      }
    } else {
      guard let scheme, !scheme.isEmpty else { throw MalformedRequest(reason: "no :scheme") }
      guard let path, path.utf8.first == UInt8(ascii: "/") || (path == "*" && method == "OPTIONS") else {
        throw MalformedRequest(reason: "no :path, or one that does not begin with a slash")
      }
      if path.utf8.contains(where: { $0 <= 32 || $0 == 127 }) {
        throw MalformedRequest(reason: "a :path with spaces or control characters")
      }
    }
    let head = StreamHead(
      http2: Array(fields[pseudo...]), method: method, scheme: scheme ?? "http", authority: name, path: path ?? "", peer: peer,
      remoteAddress: remoteAddress)
    return Judged(head: head, contentLength: contentLength)
  }

  static func trailers(_ fields: [HeaderField]) throws(MalformedRequest) {
    for field in fields {
      try checkName(field.name)
      try checkValue(field)
    }
  }

  private static func parseLength(_ text: String) throws(MalformedRequest) -> Int {
    guard !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy({ (48...57).contains($0) }), let value = Int(text) else {
      throw MalformedRequest(reason: "a content-length that is no number")
    }
    return value
  }

  /// A token in lower case (RFC 9110 section 5.6.2, RFC 9113 section 8.2.1).
  private static func checkName(_ name: String) throws(MalformedRequest) {
    let good: Bool = !name.isEmpty && name.utf8.allSatisfy { tokens[Int($0)] && !(65...90).contains($0) }
    if !good { throw MalformedRequest(reason: "the field name \(printable(name)) is empty, has capitals or is no token") }
  }

  private static func checkValue(_ field: HeaderField) throws(MalformedRequest) {
    var first: UInt8 = 0x21
    var last: UInt8 = 0x21
    var index: Int = 0
    for byte in field.value.utf8 {
      if byte == 0 || byte == 10 || byte == 13 {
        throw MalformedRequest(reason: "the value of \(printable(field.name)) has a line break or a zero byte")
      }
      if index == 0 { first = byte }
      last = byte
      index += 1
    }
    if first == 32 || first == 9 || last == 32 || last == 9 {
      throw MalformedRequest(reason: "the value of \(printable(field.name)) begins or ends with white space")
    }
  }

  private static func isToken(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { tokens[Int($0)] } }

  /// For the log: what a stranger sent, short and without control characters.
  private static func printable(_ text: String) -> String {
    String(decoding: text.utf8.prefix(40).map { (33...126).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private static let tokens: [Bool] = {
    var table: [Bool] = Array(repeating: false, count: 256)
    for byte in "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8 { table[Int(byte)] = true }
    return table
  }()
}
