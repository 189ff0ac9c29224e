import HTTPTypes
import NIOHPACK

/// A head or trailers ready for the wire: names in lower case, `:status` first. Hot paths make theirs once and send it often.
public struct FieldBlock: Sendable {
  var fields: HPACKHeaders

  /// A response's head (`status` given) or trailers (nil). Names in lower case.
  public init(status: Int?, _ fields: [(String, String)] = []) {
    var block = HPACKHeaders()
    block.reserveCapacity(fields.count + 1)
    if let status { block.add(name: ":status", value: String(status), indexing: .indexable) }
    for (name, value) in fields { block.add(name: name, value: value, indexing: .indexable) }
    self.fields = block
  }

  public init(_ head: HTTPResponse) {
    var block = HPACKHeaders()
    block.reserveCapacity(head.headerFields.count + 1)
    block.add(name: ":status", value: String(head.status.code), indexing: .indexable)
    block.append(head.headerFields)
    fields = block
  }

  public init(trailers: HTTPFields) {
    var block = HPACKHeaders()
    block.reserveCapacity(trailers.count)
    block.append(trailers)
    fields = block
  }

  init(request: HTTPRequest) {
    var block = HPACKHeaders()
    block.reserveCapacity(request.headerFields.count + 4)
    block.add(name: ":method", value: request.method.rawValue, indexing: .indexable)
    block.add(name: ":scheme", value: request.scheme ?? "http", indexing: .indexable)
    block.add(name: ":authority", value: request.authority ?? "localhost", indexing: .indexable)
    block.add(name: ":path", value: request.path ?? "/", indexing: .indexable)
    block.append(request.headerFields)
    fields = block
  }

  var status: Int { fields.first(name: ":status").flatMap { Int($0) } ?? 500 }
}

extension HPACKHeaders {
  /// Connection-specific fields have no place in HTTP/2 (RFC 9113 section 8.2.2).
  private static let connectionFields: Set<String> = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]

  mutating func append(_ fields: HTTPFields) {
    for field in fields where !Self.connectionFields.contains(field.name.canonicalName) {
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
