import HTTPTypes
import NIOCore
import NIOHPACK

/// A head or trailers ready for the wire: names in lower case. Hot paths make theirs once, `prepared`, and send it often.
public struct FieldBlock: Sendable {
  /// Without `:status`.
  let fields: [HeaderField]
  /// Nil: trailers.
  private let statusCode: Int?
  /// What both HTTP/2 implementations send, made beforehand.
  private(set) var encoded: ByteBuffer?
  private var hpackFields: HPACKHeaders?

  /// A response's head (`status` given) or trailers (nil). Names in lower case.
  public init(status: Int?, _ fields: [(String, String)] = []) {
    statusCode = status
    self.fields = fields.map { HeaderField(name: $0.0, value: $0.1) }
  }

  public init(_ head: HTTPResponse) {
    statusCode = head.status.code
    fields = Self.list(head.headerFields)
  }

  public init(trailers: HTTPFields) {
    statusCode = nil
    fields = Self.list(trailers)
  }

  private init(status: Int?, list: [HeaderField]) {
    statusCode = status
    fields = list
  }

  private static func list(_ fields: HTTPFields) -> [HeaderField] {
    var list: [HeaderField] = []
    list.reserveCapacity(fields.count)
    for field in fields where !HPACKHeaders.connectionFields.contains(field.name.canonicalName) {
      let sensitive: Bool = field.name == .authorization || field.name == .cookie
      list.append(HeaderField(name: field.name.canonicalName, value: field.value, sensitive: sensitive))
    }
    return list
  }

  /// The same block, encoded for HTTP/2 once and for all.
  public func prepared() -> FieldBlock {
    var block: FieldBlock = self
    var buffer: ByteBuffer = ByteBufferAllocator().buffer(capacity: 128)
    HeaderEncoder.write(fields, status: statusCode, into: &buffer)
    block.encoded = buffer
    block.hpackFields = hpack
    return block
  }

  /// One block with the fields of both: a response that is head and trailers at once.
  func adding(_ other: FieldBlock) -> FieldBlock { FieldBlock(status: statusCode, list: fields + other.fields) }

  var status: Int { statusCode ?? 500 }

  /// A field's first value. `name` in lower case.
  func first(_ name: String) -> String? {
    for field in fields where field.name == name { return field.value }
    return nil
  }

  /// 1xx: another head follows (RFC 9110 section 15.2).
  var isInformational: Bool { statusCode.map { (100..<200).contains($0) } ?? false }
  /// No content may follow the head (RFC 9110 section 6.4.1).
  var isBodyless: Bool { statusCode == 204 || statusCode == 304 }

  func write(into buffer: inout ByteBuffer) {
    if let encoded {
      buffer.writeImmutableBuffer(encoded)
    } else {
      HeaderEncoder.write(fields, status: statusCode, into: &buffer)
    }
  }

  /// For NIOHTTP2.
  var hpack: HPACKHeaders {
    if let hpackFields { return hpackFields }
    var block = HPACKHeaders()
    block.reserveCapacity(fields.count + 1)
    if let statusCode { block.add(name: ":status", value: String(statusCode), indexing: .indexable) }
    for field in fields { block.add(name: field.name, value: field.value, indexing: field.sensitive ? .neverIndexed : .indexable) }
    return block
  }
}

extension HPACKHeaders {
  /// Connection-specific fields have no place in HTTP/2 (RFC 9113 section 8.2.2).
  static let connectionFields: Set<String> = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]

  /// A request's head, for the client.
  init(request: HTTPRequest) {
    self.init()
    reserveCapacity(request.headerFields.count + 4)
    add(name: ":method", value: request.method.rawValue, indexing: .indexable)
    add(name: ":scheme", value: request.scheme ?? "http", indexing: .indexable)
    add(name: ":authority", value: request.authority ?? "localhost", indexing: .indexable)
    add(name: ":path", value: request.path ?? "/", indexing: .indexable)
    for field in request.headerFields where !Self.connectionFields.contains(field.name.canonicalName) {
      let indexing: HPACKIndexing = field.name == .authorization || field.name == .cookie ? .neverIndexed : .indexable
      add(name: field.name.canonicalName, value: field.value, indexing: indexing)
    }
  }

  /// Fields without the pseudo ones. Names that are no tokens are dropped: HTTP/2's validation has refused them before.
  var httpFields: HTTPFields {
    var result = HTTPFields()
    result.reserveCapacity(count)
    for (name, value, _) in self where name.utf8.first != UInt8(ascii: ":") {
      if let fieldName = HTTPField.Name(name) { result.append(HTTPField(name: fieldName, value: value)) }
    }
    return result
  }
}
