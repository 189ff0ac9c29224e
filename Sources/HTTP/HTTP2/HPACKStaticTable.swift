/// A field of a header block, its name in lower case.
struct HeaderField: Hashable, Sendable {
  var name: String
  var value: String
  /// Not for any compression table, here or at a proxy (RFC 7541 section 7.1.3).
  var sensitive: Bool = false
}

/// RFC 7541 appendix A. Index 1 is the first entry.
enum HPACKStaticTable {
  static let fields: [HeaderField] = {
    let list: [(String, String)] = [
      (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
      (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
      (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
      ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
      ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
      ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
      ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""),
      ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
      ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
      ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
      ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ]
    return list.map { HeaderField(name: $0.0, value: $0.1) }
  }()
  static let count: Int = 61

  /// The first index of each name, for responses' literals.
  static let nameIndex: [String: UInt8] = {
    var result: [String: UInt8] = [:]
    for (offset, field) in fields.enumerated() where result[field.name] == nil { result[field.name] = UInt8(offset + 1) }
    return result
  }()

  /// The index of `:status` with this value; 0 if the table has none.
  static func statusIndex(_ status: Int) -> UInt8 {
    switch status {
    case 200: 8
    case 204: 9
    case 206: 10
    case 304: 11
    case 400: 12
    case 404: 13
    case 500: 14
    default: 0
    }
  }
}
