import Primitives

/// How a gRPC call ended (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). Thrown by clients for every code but `ok`.
public struct GRPCStatus: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    public var value: Int
    public init(_ value: Int) { self.value = value }
    public static let ok = Self(0)
    public static let cancelled = Self(1)
    public static let unknown = Self(2)
    public static let invalidArgument = Self(3)
    public static let deadlineExceeded = Self(4)
    public static let notFound = Self(5)
    public static let alreadyExists = Self(6)
    public static let permissionDenied = Self(7)
    public static let resourceExhausted = Self(8)
    public static let failedPrecondition = Self(9)
    public static let aborted = Self(10)
    public static let outOfRange = Self(11)
    public static let unimplemented = Self(12)
    public static let `internal` = Self(13)
    public static let unavailable = Self(14)
    public static let dataLoss = Self(15)
    public static let unauthenticated = Self(16)
  }
  public var code: Code
  public var message: String

  public init(_ code: Code, _ message: String = "") {
    self.code = code
    self.message = message
  }

  public static let ok = GRPCStatus(.ok)
  public var description: String { "grpc status \(code.value): \(message)" }

  /// For responses that are not gRPC's (https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html).
  init(httpStatus: Int) {
    let code: Code =
      switch httpStatus {
      case 400: .internal
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    self.init(code, "The server answered with HTTP status \(httpStatus) instead of a gRPC status.")
  }

  /// From a response's trailers; without a status in them `unknown`.
  public init(trailers: FieldBlock) {
    let code: Int? = trailers.first("grpc-status").flatMap { Int($0) }
    self.init(Code(code ?? Code.unknown.value), Self.decode(trailers.first("grpc-message") ?? ""))
  }

  var trailers: FieldBlock {
    if message.isEmpty { return FieldBlock(status: nil, [("grpc-status", String(code.value))]) }
    return FieldBlock(status: nil, [("grpc-status", String(code.value)), ("grpc-message", Self.encode(message))])
  }

  /// `grpc-message` is percent-encoded UTF-8: bytes 0x20 to 0x7E but `%` stand for themselves.
  static func encode(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 > 0x7E || $0 == 0x25 }) else { return text }
    let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      if byte < 0x20 || byte > 0x7E || byte == 0x25 {
        result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Lenient, as the specification asks of receivers: a lone `%` stands for itself.
  static func decode(_ text: String) -> String {
    let bytes: Bytes = Array(text.utf8)
    guard bytes.contains(0x25) else { return text }
    func digit(_ byte: UInt8) -> UInt8? {
      switch byte {
      case 48...57: byte - 48
      case 65...70: byte - 55
      case 97...102: byte - 87
      default: nil
      }
    }
    var result: Bytes = []
    var index: Int = 0
    while index < bytes.count {
      if bytes[index] == 0x25, index + 2 < bytes.count, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2]) {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result.text
  }
}
