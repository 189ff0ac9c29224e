import Primitives

/// The log's form of a command: version 1, kind, fields. Strict both ways: whatever `decode` accepts encodes to the same bytes.
extension KeyspaceCommand {
  static let version: UInt8 = 1

  public func encode() -> Bytes {
    var writer = ByteWriter(reserving: approximateSize + 32)
    encode(to: &writer)
    return writer.take()
  }

  public func encode(to writer: inout ByteWriter) {
    writer.byte(Self.version)
    switch self {
    case .set(let name, let version, let value):
      writer.byte(16)
      writer.block(Bytes(name))
      writer.unsigned(version)
      writer.block(value)
    case .guarded(let condition, let command):
      writer.byte(17)
      writer.block(Bytes(condition.name))
      writer.unsigned(condition.version)
      command.encode(to: &writer)
    case .transaction(let request):
      writer.byte(1)
      request.encode(to: &writer)
    case .compact(let revision):
      writer.byte(2)
      writer.signed(revision)
    case .grantLease(let id, let ttlSeconds):
      writer.byte(3)
      writer.signed(id)
      writer.signed(ttlSeconds)
    case .revokeLease(let id):
      writer.byte(4)
      writer.signed(id)
    case .checkpointLeases(let checkpoints):
      writer.byte(5)
      writer.count(checkpoints.count)
      for checkpoint in checkpoints {
        writer.signed(checkpoint.id)
        writer.signed(checkpoint.remainingSeconds)
      }
    case .cluster(let command):
      writer.byte(6)
      command.encode(to: &writer)
    }
  }
}

extension TransactionRequest {
  func encode(to writer: inout ByteWriter) {
    writer.count(compares.count)
    for compare in compares { compare.encode(to: &writer) }
    writer.count(success.count)
    for operation in success { operation.encode(to: &writer) }
    writer.count(failure.count)
    for operation in failure { operation.encode(to: &writer) }
  }
}

extension KeyRange {
  func encode(to writer: inout ByteWriter) {
    writer.block(key)
    writer.byte(end == nil ? 0 : 1)
    if let end { writer.block(end) }
  }
}

extension Compare {
  func encode(to writer: inout ByteWriter) {
    range.encode(to: &writer)
    writer.byte(relation.rawValue)
    switch target {
    case .version(let value):
      writer.byte(0)
      writer.signed(value)
    case .create(let value):
      writer.byte(1)
      writer.signed(value)
    case .mod(let value):
      writer.byte(2)
      writer.signed(value)
    case .value(let value):
      writer.byte(3)
      writer.block(value)
    case .lease(let value):
      writer.byte(4)
      writer.signed(value)
    }
  }
}

extension Operation {
  func encode(to writer: inout ByteWriter) {
    switch self {
    case .range(let request):
      writer.byte(1)
      request.encode(to: &writer)
    case .put(let request):
      writer.byte(2)
      writer.byte((request.previous ? 1 : 0) | (request.ignoreValue ? 2 : 0) | (request.ignoreLease ? 4 : 0))
      writer.block(request.key)
      writer.block(request.value)
      writer.signed(request.lease)
    case .delete(let request):
      writer.byte(3)
      writer.byte(request.previous ? 1 : 0)
      request.range.encode(to: &writer)
    case .transaction(let request):
      writer.byte(4)
      request.encode(to: &writer)
    }
  }
}

extension RangeRequest {
  func encode(to writer: inout ByteWriter) {
    range.encode(to: &writer)
    writer.byte((serializable ? 1 : 0) | (keysOnly ? 2 : 0) | (countOnly ? 4 : 0))
    writer.byte(sortTarget.rawValue)
    writer.byte(sortOrder.rawValue)
    for number in [revision, limit, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision] { writer.signed(number) }
  }
}
