import HTTPTypes
import NIOHPACK
import NIOHTTP1
import TLS

/// A request's head as it came, with nothing decoded that nobody asks for. One reference: heads that repeat on a connection are
/// shared (`RequestHeads`).
public struct StreamHead: Sendable {
  enum Fields: Sendable {
    /// Without the pseudo fields.
    case http2([HeaderField])
    /// As NIOHTTP2 gives them, with the pseudo fields.
    case hpack(HPACKHeaders)
    case http1(HTTPHeaders)
  }

  private final class Storage: Sendable {
    let fields: Fields
    let method: String
    let scheme: String
    let authority: String
    let path: String
    let peer: PeerIdentity?
    let remoteAddress: String
    let isGRPC: Bool
    /// By a gateway: metadata of the call come as `Grpc-Metadata-NAME`, as grpc-gateway has it, or under their own names.
    let isHandedOn: Bool

    init(
      fields: Fields, method: String, scheme: String, authority: String, path: String, peer: PeerIdentity?, remoteAddress: String,
      isHandedOn: Bool = false
    ) {
      self.isHandedOn = isHandedOn
      self.fields = fields
      self.method = method
      self.scheme = scheme
      self.authority = authority
      self.path = path
      self.peer = peer
      self.remoteAddress = remoteAddress
      if case .http1 = fields {
        isGRPC = false
      } else {
        isGRPC = StreamHead.first("content-type", in: fields)?.hasPrefix("application/grpc") ?? false
      }
    }
  }
  private let storage: Storage

  var fields: Fields { storage.fields }
  public var method: String { storage.method }
  public var scheme: String { storage.scheme }
  public var authority: String { storage.authority }
  /// Path with query.
  public var path: String { storage.path }
  /// From the verified client certificate.
  public var peer: PeerIdentity? { storage.peer }
  public var remoteAddress: String { storage.remoteAddress }
  /// HTTP/2, and a content type of gRPC's.
  public var isGRPC: Bool { storage.isGRPC }

  public var isHTTP2: Bool {
    if case .http1 = storage.fields { return false }
    return true
  }

  /// A field's first value. `name` in lower case.
  public func first(_ name: String) -> String? {
    Self.first(name, in: storage.fields) ?? (storage.isHandedOn ? Self.first("grpc-metadata-" + name, in: storage.fields) : nil)
  }

  private static func first(_ name: String, in fields: Fields) -> String? {
    switch fields {
    case .http2(let list):
      for field in list where field.name == name { return field.value }
      return nil
    case .hpack(let block): return block.first(name: name)
    case .http1(let headers): return headers.first(name: name)
    }
  }

  /// The same request's fields on a POST to another path: for handlers that hand a request on to a call.
  public func calling(_ path: String) -> StreamHead { StreamHead(self, method: "POST", path: path) }

  private init(_ head: StreamHead, method: String, path: String) {
    storage = Storage(
      fields: head.fields, method: method, scheme: head.scheme, authority: head.authority, path: path, peer: head.peer,
      remoteAddress: head.remoteAddress, isHandedOn: true)
  }

  /// `fields` without the pseudo ones, which have been judged (`RequestRules`).
  init(
    http2 fields: [HeaderField], method: String, scheme: String, authority: String, path: String, peer: PeerIdentity?,
    remoteAddress: String
  ) {
    storage = Storage(
      fields: .http2(fields), method: method, scheme: scheme, authority: authority, path: path, peer: peer, remoteAddress: remoteAddress)
  }

  init(hpack block: HPACKHeaders, peer: PeerIdentity?, remoteAddress: String) {
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
    storage = Storage(
      fields: .hpack(block), method: method, scheme: scheme, authority: authority, path: path, peer: peer, remoteAddress: remoteAddress)
  }

  init(http1 head: HTTPRequestHead, secure: Bool, peer: PeerIdentity?, remoteAddress: String) {
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
    storage = Storage(
      fields: .http1(head.headers), method: head.method.rawValue, scheme: secure ? "https" : "http", authority: authority, path: path,
      peer: peer, remoteAddress: remoteAddress)
  }

  /// The decoded form that a `Responder` gets; nil if the method is no token.
  public func request() -> HTTPRequest? {
    guard let method = HTTPRequest.Method(self.method) else { return nil }
    let fields: HTTPFields
    switch storage.fields {
    case .http2(let list): fields = HTTPFields(list)
    case .hpack(let block): fields = block.httpFields
    case .http1(let headers): fields = headers.httpFields
    }
    return HTTPRequest(method: method, scheme: scheme, authority: authority, path: path, headerFields: fields)
  }
}

extension HTTPFields {
  init(_ list: [HeaderField]) {
    self.init()
    reserveCapacity(list.count)
    for field in list {
      if let name = HTTPField.Name(field.name) { append(HTTPField(name: name, value: field.value)) }
    }
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
