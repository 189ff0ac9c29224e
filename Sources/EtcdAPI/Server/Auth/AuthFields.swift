import HTTP
import NIOCore
import Primitives

/// The `Auth` service's requests look alike: up to four fields of text or bytes. Read once, as text where the field is text.
struct AuthFields: Sendable {
  private var fields: [Int: Bytes] = [:]

  init(_ request: ProtobufReader) throws {
    var reader: ProtobufReader = request
    while let field = try reader.next() {
      if (1...4).contains(field.number), field.wire == .lengthDelimited {
        fields[field.number] = try reader.bytes(field)
      } else {
        try reader.skip(field)
      }
    }
    // Field 2 may be bytes (a key) or a message (a permission): only names must be text.
    if let name: Bytes = fields[1], String(validating: name, as: UTF8.self) == nil {
      throw ProtobufError(.badText, "String field 1 is not UTF-8.")
    }
  }

  /// A user's or role's name.
  var first: String { fields[1]?.text ?? "" }
  /// A password or a role.
  var second: String { fields[2]?.text ?? "" }
  var third: String { fields[3]?.text ?? "" }
  var fourth: String { fields[4]?.text ?? "" }
  var secondBytes: Bytes { fields[2] ?? [] }
  var thirdBytes: Bytes { fields[3] ?? [] }

  /// Field 2 of `RoleGrantPermission`; nil: it was not given.
  func permission() throws -> AuthPermission? {
    guard let bytes: Bytes = fields[2] else { return nil }
    return try AuthPermission(ProtobufReader(ByteBuffer(bytes: bytes)))
  }

  /// `options.no_password` of `UserAdd`.
  func noPassword() throws -> Bool {
    var reader = ProtobufReader(ByteBuffer(bytes: thirdBytes))
    var noPassword: Bool = false
    while let field = try reader.next() {
      if field.number == 1 { noPassword = try reader.bool(field) } else { try reader.skip(field) }
    }
    return noPassword
  }
}
