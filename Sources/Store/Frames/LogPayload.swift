import Keyspace
import Primitives

/// What a log entry of kind `.data` holds: who proposed it and under which number, so that this member finds the waiting caller, how safe
/// it had to be, and the command.
struct LogPayload {
  /// `centerSafe`, which nearly all are.
  static let version: UInt8 = 1
  /// With another durability behind the number.
  static let versionWithDurability: UInt8 = 2

  var origin: MemberID
  var request: UInt64
  var durability: Durability = .centerSafe
  var command: KeyspaceCommand

  func encode() -> Bytes {
    var writer = ByteWriter(reserving: command.approximateSize + 64)
    writer.byte(durability == .centerSafe ? Self.version : Self.versionWithDurability)
    writer.fixed64(origin.value)
    writer.fixed64(request)
    if durability != .centerSafe { writer.byte(durability.rawValue) }
    command.encode(to: &writer)
    return writer.take()
  }

  /// Origin and number, without looking at the command.
  static func head(_ bytes: Bytes) throws(MalformedBytes) -> (origin: MemberID, request: UInt64, rest: ByteReader) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == Self.version || version == Self.versionWithDurability else {
      throw reader.malformed("log payload of version \(version): upgrade this member")
    }
    let (origin, request): (MemberID, UInt64) = (MemberID(try reader.fixed64()), try reader.fixed64())
    if version == Self.versionWithDurability {
      // Said for those who look at the log later: whoever waits knows it, and applying does not depend on it.
      guard let durability = Durability(rawValue: try reader.byte()), durability != .centerSafe else {
        throw reader.malformed("unknown durability")
      }
    }
    return (origin, request, reader)
  }

  static func command(_ reader: ByteReader) throws(KeyspaceError) -> KeyspaceCommand {
    var reader: ByteReader = reader
    let command: KeyspaceCommand = try KeyspaceCommand.decode(from: &reader)
    guard reader.isAtEnd else { throw KeyspaceError(.malformed, "\(reader.remaining) bytes too many after a command") }
    return command
  }
}
