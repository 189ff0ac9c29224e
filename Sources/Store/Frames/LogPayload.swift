import Keyspace
import Primitives

/// What a log entry of kind `.data` holds: who proposed it and under which number, so that this member finds the waiting caller, and the
/// command.
struct LogPayload {
  static let version: UInt8 = 1

  var origin: MemberID
  var request: UInt64
  var command: KeyspaceCommand

  func encode() -> Bytes {
    var writer = ByteWriter(reserving: command.approximateSize + 64)
    writer.byte(Self.version)
    writer.fixed64(origin.value)
    writer.fixed64(request)
    command.encode(to: &writer)
    return writer.take()
  }

  /// Origin and number, without looking at the command.
  static func head(_ bytes: Bytes) throws(MalformedBytes) -> (origin: MemberID, request: UInt64, rest: ByteReader) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == Self.version else { throw reader.malformed("log payload of version \(version): upgrade this member") }
    return (MemberID(try reader.fixed64()), try reader.fixed64(), reader)
  }

  static func command(_ reader: ByteReader) throws(KeyspaceError) -> KeyspaceCommand {
    var reader: ByteReader = reader
    let command: KeyspaceCommand = try KeyspaceCommand.decode(from: &reader)
    guard reader.isAtEnd else { throw KeyspaceError(.malformed, "\(reader.remaining) bytes too many after a command") }
    return command
  }
}
