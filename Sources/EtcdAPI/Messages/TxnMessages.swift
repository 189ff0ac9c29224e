import HTTP
import Keyspace
import Primitives

extension TransactionRequest {
  init(_ reader: ProtobufReader) throws {
    self.init(success: [])
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: compares.append(try Compare(try reader.message(field)))
      case 2: success.append(try Operation(try reader.message(field)))
      case 3: failure.append(try Operation(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
  }

  func encode(_ writer: inout ProtobufWriter) {
    for compare in compares { writer.message(1) { compare.encode(&$0) } }
    for operation in success { writer.message(2) { operation.encode(&$0) } }
    for operation in failure { writer.message(3) { operation.encode(&$0) } }
  }
}

extension Operation {
  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var found: Operation?
    while let field = try reader.next() {
      switch field.number {
      case 1: found = .range(try RangeRequest(try reader.message(field)))
      case 2: found = .put(try PutRequest(try reader.message(field)))
      case 3: found = .delete(try DeleteRequest(try reader.message(field)))
      case 4: found = .transaction(try TransactionRequest(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
    // etcd takes an operation without content for one without a key.
    guard let found else { throw GRPCStatus(.invalidArgument, "etcdserver: key not found") }
    self = found
  }

  func encode(_ writer: inout ProtobufWriter) {
    switch self {
    case .range(let request): writer.message(1) { request.encode(&$0) }
    case .put(let request): writer.message(2) { request.encode(&$0) }
    case .delete(let request): writer.message(3) { request.encode(&$0) }
    case .transaction(let request): writer.message(4) { request.encode(&$0) }
    }
  }
}

extension TransactionResponse {
  func encode(_ writer: inout ProtobufWriter, header: ResponseHeader) {
    header.encode(&writer)
    writer.bool(2, succeeded)
    // Inner headers carry the revision alone, as etcd's do.
    let inner = ResponseHeader(revision: revision)
    for response in responses { writer.message(3) { response.encode(&$0, inner) } }
  }

  init(_ reader: ProtobufReader) throws {
    self.init(revision: 0, succeeded: false, responses: [])
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: revision = try ResponseHeader(try reader.message(field)).revision
      case 2: succeeded = try reader.bool(field)
      case 3: responses.append(try OperationResponse(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
    if revision != 0 { tellNested(revision) }
  }

  /// etcd leaves the headers of nested transactions empty: they are at the revision of the whole.
  private mutating func tellNested(_ revision: Int64) {
    for index in responses.indices {
      guard case .transaction(var nested) = responses[index] else { continue }
      nested.revision = revision
      nested.tellNested(revision)
      responses[index] = .transaction(nested)
    }
  }
}

extension OperationResponse {
  func encode(_ writer: inout ProtobufWriter, _ header: ResponseHeader) {
    switch self {
    case .range(let response): writer.message(1) { response.encode(&$0, header: ResponseHeader(revision: response.revision)) }
    case .put(let previous): writer.message(2) { PutResponse.encode(&$0, header: header, previous: previous) }
    case .delete(let deleted, let previous):
      writer.message(3) { DeleteRangeResponse.encode(&$0, header: header, deleted: deleted, previous: previous) }
    // Its own header is empty, in etcd too.
    case .transaction(let response): writer.message(4) { response.encode(&$0, header: ResponseHeader(revision: 0)) }
    }
  }

  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var found: OperationResponse?
    while let field = try reader.next() {
      switch field.number {
      case 1: found = .range(try RangeResponse(try reader.message(field)))
      case 2: found = .put(previous: try PutResponse.decode(try reader.message(field)))
      case 3:
        let (deleted, previous): (Int64, [KeyValue]) = try DeleteRangeResponse.decode(try reader.message(field))
        found = .delete(deleted: deleted, previous: previous)
      case 4: found = .transaction(try TransactionResponse(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
    guard let found else { throw ProtobufError(.truncated, "A transaction's answer has an operation without content.") }
    self = found
  }
}
