import HTTPTypes
import NIOHPACK
import NIOHTTP1
import TLS

/// A request's head as it came, with nothing decoded that nobody asks for.
public struct StreamHead: Sendable {
  enum Fields: Sendable {
    case http2(HPACKHeaders)
    case http1(HTTPHeaders)
  }
  let fields: Fields
  public let method: String
  public let scheme: String
  public let authority: String
  /// Path with query.
  public let path: String
  /// From the verified client certificate.
  public let peer: PeerIdentity?
  public let remoteAddress: String

  public var isHTTP2: Bool {
    if case .http2 = fields { return true }
    return false
  }

  /// A field's first value. `name` in lower case.
  public func first(_ name: String) -> String? {
    switch fields {
    case .http2(let block): block.first(name: name)
    case .http1(let headers): headers.first(name: name)
    }
  }

  /// The same request's fields on a POST to another path: for handlers that hand a request on to a call.
  public func calling(_ path: String) -> StreamHead { StreamHead(self, method: "POST", path: path) }

  private init(_ head: StreamHead, method: String, path: String) {
    (fields, scheme, authority, peer, remoteAddress) = (head.fields, head.scheme, head.authority, head.peer, head.remoteAddress)
    (self.method, self.path) = (method, path)
  }

  init(http2 block: HPACKHeaders, peer: PeerIdentity?, remoteAddress: String) {
    var method: String = ""
    var scheme: String = "http"
    var authority: String = ""
    var path: String = "/"
    // Pseudo fields come first (RFC 9113 section 8.3), so this stops at the first other one.
    loop: for (name, value, _) in block {
      switch name {
      case ":method": method = value
      case ":scheme": scheme = value
      case ":authority": authority = value
      case ":path": path = value
      default: if name.utf8.first != UInt8(ascii: ":") { break loop }
      }
    }
    if authority.isEmpty, let host: String = block.first(name: "host") { authority = host }
    (self.method, self.scheme, self.authority, self.path) = (method, scheme, authority, path)
    self.fields = .http2(block)
    self.peer = peer
    self.remoteAddress = remoteAddress
  }

  init(http1 head: HTTPRequestHead, secure: Bool, peer: PeerIdentity?, remoteAddress: String) {
    method = head.method.rawValue
    scheme = secure ? "https" : "http"
    var path: String = head.uri
    var authority: String = head.headers.first(name: "host") ?? ""
    // absolute-form (RFC 9112 section 3.2.2)
    for prefix: String in ["http://", "https://"] where path.hasPrefix(prefix) {
      let rest: Substring = path.dropFirst(prefix.count)
      let slash: Substring.Index = rest.firstIndex(of: "/") ?? rest.endIndex
      authority = String(rest[..<slash])
      path = slash == rest.endIndex ? "/" : String(rest[slash...])
      break
    }
    self.path = path
    self.authority = authority
    fields = .http1(head.headers)
    self.peer = peer
    self.remoteAddress = remoteAddress
  }

  /// The decoded form that a `Responder` gets; nil if the method is no token.
  public func request() -> HTTPRequest? {
    guard let method = HTTPRequest.Method(self.method) else { return nil }
    let fields: HTTPFields
    switch self.fields {
    case .http2(let block): fields = block.httpFields
    case .http1(let headers): fields = headers.httpFields
    }
    return HTTPRequest(method: method, scheme: scheme, authority: authority, path: path, headerFields: fields)
  }
}

extension HTTPHeaders {
  /// Without the fields that belong to the connection.
  var httpFields: HTTPFields {
    var result = HTTPFields()
    result.reserveCapacity(count)
    for (name, value) in self {
      switch name.utf8.count {
      case 10 where name.lowercased() == "connection" || name.lowercased() == "keep-alive": continue
      case 17 where name.lowercased() == "transfer-encoding": continue
      default: break
      }
      if let fieldName = HTTPField.Name(name) { result.append(HTTPField(name: fieldName, value: value)) }
    }
    return result
  }
}
