import HTTP
import HTTPTypes
import NIOCore
import Primitives

/// A refusal in the gateway's form, with the HTTP status that stands for the code
/// (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto): `{"code":5,"message":"…"}` is etcd 3.6's, with `details`
/// left out as long as there are none. etcd 3.4 and 3.5 have `error` beside these, and in streams `grpc_code`, `http_code` and
/// `http_status`, and their clients tell errors apart by it (Patroni, for one): both are said.
enum GatewayError {
  static func httpStatus(_ code: GRPCStatus.Code) -> Int {
    switch code {
    case .ok: 200
    case .invalidArgument, .failedPrecondition, .outOfRange: 400
    case .unauthenticated: 401
    case .permissionDenied: 403
    case .notFound: 404
    case .alreadyExists, .aborted: 409
    case .resourceExhausted: 429
    case .cancelled: 499
    case .unimplemented: 501
    case .unavailable: 503
    case .deadlineExceeded: 504
    default: 500
    }
  }

  /// The words that Go's gateway puts beside these numbers.
  private static func phrase(_ status: Int) -> String {
    let known: [HTTPResponse.Status] = [
      .badRequest, .unauthorized, .forbidden, .notFound, .conflict, .tooManyRequests, .internalServerError, .notImplemented,
      .serviceUnavailable, .gatewayTimeout,
    ]
    return known.first { $0.code == status }?.reasonPhrase ?? (status == 499 ? "Client Closed Request" : "")
  }

  static func write(_ status: GRPCStatus, inStream: Bool = false, to json: inout JSONWriter) {
    json.beginObject()
    json.name("code")
    json.raw(String(status.code.value))
    json.name("message")
    json.string(status.message)
    if inStream {
      json.name("grpc_code")
      json.raw(String(status.code.value))
      json.name("http_code")
      json.raw(String(httpStatus(status.code)))
      json.name("http_status")
      json.string(phrase(httpStatus(status.code)))
    } else {
      json.name("error")
      json.string(status.message)
    }
    json.endObject()
  }

  static func send(_ status: GRPCStatus, to writer: any StreamWriter) {
    var json = JSONWriter()
    write(status, to: &json)
    send(httpStatus(status.code), json.bytes, to: writer)
  }

  /// A whole answer.
  static func send(_ status: Int, _ body: Bytes, to writer: any StreamWriter) {
    writer.send(FieldBlock(status: status, fields + [("content-length", String(body.count))]), end: false)
    writer.sendData(ByteBuffer(bytes: body))
    writer.sendEnd(trailers: nil)
  }

  static let fields: [(String, String)] = [("content-type", "application/json"), ("grpc-metadata-content-type", "application/grpc")]
}
