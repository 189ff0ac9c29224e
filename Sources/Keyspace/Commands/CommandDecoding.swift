import Primitives

extension KeyspaceCommand {
  /// Reads what `encode` wrote; everything else is `.malformed`.
  public static func decode(_ bytes: Bytes) throws(KeyspaceError) -> KeyspaceCommand {
    var reader = ByteReader(bytes)
    let command: KeyspaceCommand = try decode(from: &reader)
    do throws(MalformedBytes) { try reader.finish() } catch {
      throw KeyspaceError(.malformed, "command is malformed: \(error)", cause: error)
    }
    return command
  }

  /// Reads a command and leaves the reader behind it.
  public static func decode(from reader: inout ByteReader) throws(KeyspaceError) -> KeyspaceCommand {
    try decode(from: &reader, guarded: false)
  }

  private static func decode(from reader: inout ByteReader, guarded: Bool) throws(KeyspaceError) -> KeyspaceCommand {
    do throws(MalformedBytes) {
      let version: UInt8 = try reader.byte()
      guard version == Self.version else {
        throw reader.malformed("command of version \(version), this member knows version \(Self.version): upgrade it")
      }
      let kind: UInt8 = try reader.byte()
      guard !guarded || kind != 17 else { throw reader.malformed("guarded command inside a guarded command") }
      switch kind {
      case 16: return .set(name: try reader.settingName(), version: try reader.unsigned(), value: try reader.block())
      case 17:
        let condition = SettingGuard(name: try reader.settingName(), version: try reader.unsigned())
        let command: KeyspaceCommand
        do throws(KeyspaceError) { command = try decode(from: &reader, guarded: true) } catch { throw reader.malformed(error.message) }
        return .guarded(condition, command)
      case 1: return .transaction(try TransactionRequest(from: &reader, depth: 0))
      case 2: return .compact(revision: try reader.signed())
      case 3: return .grantLease(id: try reader.signed(), ttlSeconds: try reader.signed())
      case 4: return .revokeLease(id: try reader.signed())
      case 5:
        var checkpoints: [LeaseCheckpoint] = []
        for _ in 0..<(try reader.count(minimumSize: 2)) {
          checkpoints.append(LeaseCheckpoint(id: try reader.signed(), remainingSeconds: try reader.signed()))
        }
        return .checkpointLeases(checkpoints)
      case 6: return .cluster(try ClusterCommand(from: &reader))
      case let kind: throw reader.malformed("unknown kind of command \(kind)")
      }
    } catch {
      throw KeyspaceError(.malformed, "command is malformed: \(error)", cause: error)
    }
  }
}

extension TransactionRequest {
  init(from reader: inout ByteReader, depth: Int) throws(MalformedBytes) {
    guard depth <= KeyspaceLimits.transactionOperations else { throw reader.malformed("transactions nested too deep") }
    var compares: [Compare] = []
    for _ in 0..<(try reader.count(minimumSize: 4)) { compares.append(try Compare(from: &reader)) }
    self.init(
      compares: compares, success: try Self.operations(from: &reader, depth: depth),
      failure: try Self.operations(from: &reader, depth: depth))
  }

  private static func operations(from reader: inout ByteReader, depth: Int) throws(MalformedBytes) -> [Operation] {
    var operations: [Operation] = []
    for _ in 0..<(try reader.count(minimumSize: 4)) { operations.append(try Operation(from: &reader, depth: depth)) }
    return operations
  }
}

extension KeyRange {
  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let key: Bytes = try reader.block()
    self.init(key: key, end: try reader.flags(1) == 1 ? try reader.block() : nil)
  }
}

extension Compare {
  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let range: KeyRange = try KeyRange(from: &reader)
    guard let relation: Relation = Relation(rawValue: try reader.byte()) else { throw reader.malformed("unknown relation") }
    let target: Target
    switch try reader.byte() {
    case 0: target = .version(try reader.signed())
    case 1: target = .create(try reader.signed())
    case 2: target = .mod(try reader.signed())
    case 3: target = .value(try reader.block())
    case 4: target = .lease(try reader.signed())
    case let kind: throw reader.malformed("unknown target of a comparison \(kind)")
    }
    self.init(range, relation, target)
  }
}

extension Operation {
  init(from reader: inout ByteReader, depth: Int) throws(MalformedBytes) {
    switch try reader.byte() {
    case 1: self = .range(try RangeRequest(from: &reader))
    case 2:
      let flags: UInt8 = try reader.flags(7)
      self = .put(
        PutRequest(
          key: try reader.block(), value: try reader.block(), lease: try reader.signed(), previous: flags & 1 != 0,
          ignoreValue: flags & 2 != 0, ignoreLease: flags & 4 != 0))
    case 3:
      let flags: UInt8 = try reader.flags(1)
      self = .delete(DeleteRequest(try KeyRange(from: &reader), previous: flags == 1))
    case 4: self = .transaction(try TransactionRequest(from: &reader, depth: depth + 1))
    case let kind: throw reader.malformed("unknown operation \(kind)")
    }
  }
}

extension RangeRequest {
  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let range: KeyRange = try KeyRange(from: &reader)
    let flags: UInt8 = try reader.flags(7)
    guard let target: SortTarget = SortTarget(rawValue: try reader.byte()) else { throw reader.malformed("unknown sort target") }
    guard let order: SortOrder = SortOrder(rawValue: try reader.byte()) else { throw reader.malformed("unknown sort order") }
    self.init(
      range, revision: try reader.signed(), limit: try reader.signed(), serializable: flags & 1 != 0, keysOnly: flags & 2 != 0,
      countOnly: flags & 4 != 0, sortTarget: target, sortOrder: order)
    minModRevision = try reader.signed()
    maxModRevision = try reader.signed()
    minCreateRevision = try reader.signed()
    maxCreateRevision = try reader.signed()
  }
}

extension ByteReader {
  mutating func settingName() throws(MalformedBytes) -> String {
    guard let name = String(validating: try block(), as: UTF8.self) else { throw malformed("name of a setting that is not UTF-8") }
    return name
  }

  /// A byte of flags of which only those in `known` may be set.
  mutating func flags(_ known: UInt8) throws(MalformedBytes) -> UInt8 {
    let flags: UInt8 = try byte()
    guard flags & ~known == 0 else { throw malformed("unknown flags \(flags & ~known)") }
    return flags
  }
}
