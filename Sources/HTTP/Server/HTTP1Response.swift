import HTTPTypes
import NIOCore
import NIOHTTP1

/// Writes HTTP/1.1 response heads and chunks (RFC 9112).
enum HTTP1Response {
  enum Framing { case none, contentLength, chunked, untilClose }

  static let continueLine: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  static func reason(_ status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 499: "Client Closed Request"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    // Whatever else, as NIOHTTP1 has it.
    default: HTTPResponseStatus(statusCode: status).reasonPhrase
    }
  }

  /// The head's bytes and how the body is delimited.
  static func head(_ block: FieldBlock, isHead: Bool, http10: Bool, keepAlive: Bool, into buffer: inout ByteBuffer) -> Framing {
    let status: Int = block.status
    var hasLength: Bool = false
    buffer.writeString("HTTP/1.1 \(status) \(reason(status))\r\n")
    for field in block.fields {
      if field.name == "content-length" { hasLength = true }
      line(field.name, field.value, into: &buffer)
    }
    let bodyless: Bool = status == 204 || status == 304 || status < 200
    var framing: Framing = .none
    if hasLength {
      framing = .contentLength
    } else if !bodyless {
      framing = http10 ? .untilClose : .chunked
      if framing == .chunked { buffer.writeString("transfer-encoding: chunked\r\n") }
    }
    if !keepAlive || framing == .untilClose {
      buffer.writeString("connection: close\r\n")
    } else if http10 {
      buffer.writeString("connection: keep-alive\r\n")
    }
    buffer.writeString("\r\n")
    return isHead || bodyless ? .none : framing
  }

  /// A head without a body's framing: what follows is another protocol (RFC 9110 section 15.2.2).
  static func switching(_ head: HTTPResponse, into buffer: inout ByteBuffer) {
    buffer.writeString("HTTP/1.1 \(head.status.code) \(reason(head.status.code))\r\nconnection: Upgrade\r\n")
    // Not through `FieldBlock`, which leaves out what belongs to one connection: `upgrade` is the point here.
    for field in head.headerFields where field.name.canonicalName != "connection" {
      line(field.name.canonicalName, field.value, into: &buffer)
    }
    buffer.writeStaticString("\r\n")
  }

  static func chunk(_ bytes: inout ByteBuffer, into buffer: inout ByteBuffer) {
    buffer.writeString(String(bytes.readableBytes, radix: 16))
    buffer.writeStaticString("\r\n")
    buffer.writeBuffer(&bytes)
    buffer.writeStaticString("\r\n")
  }

  static func lastChunk(_ trailers: FieldBlock?, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("0\r\n")
    if let trailers {
      for field in trailers.fields { line(field.name, field.value, into: &buffer) }
    }
    buffer.writeStaticString("\r\n")
  }

  /// Line breaks inside a value would start a field of the sender's choice: they become spaces.
  private static func line(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
    buffer.writeString(name)
    buffer.writeStaticString(": ")
    if value.utf8.contains(where: { $0 == 13 || $0 == 10 || $0 == 0 }) {
      buffer.writeBytes(value.utf8.map { $0 == 13 || $0 == 10 || $0 == 0 ? 32 : $0 })
    } else {
      buffer.writeString(value)
    }
    buffer.writeStaticString("\r\n")
  }
}
