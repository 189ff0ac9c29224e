import HTTPTypes
import NIOCore
import TLS

/// What answers requests, whatever carries them: a socket with HTTP/1.1 or HTTP/2, or a caller in the same process
/// (`InProcessExchange`). One test body, two transports.
public protocol Responder: Sendable {
  /// Called once per request on a task of its own. Must send a head and finish; throwing before the head was sent answers 500,
  /// after it resets the stream. The task is cancelled when the peer goes away.
  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws
}

public struct ServerRequest: Sendable {
  /// Method, scheme, authority, path with query, fields. Field names are case-insensitive.
  public var head: HTTPRequest
  /// From the verified client certificate; nil where the peer showed none (the listener decides whether that is allowed).
  public var peer: PeerIdentity?
  public var remoteAddress: String
  public var body: any RequestBody
  /// Set where the client asks to leave HTTP on its connection, which is possible on HTTP/1.1 sockets only.
  public var upgrade: UpgradeOffer?

  public init(head: HTTPRequest, peer: PeerIdentity?, remoteAddress: String, body: any RequestBody) {
    self.head = head
    self.peer = peer
    self.remoteAddress = remoteAddress
    self.body = body
  }
}

/// The request's body as it arrives. Pulled by one task; bytes not asked for stay on the wire.
public protocol RequestBody: Sendable {
  /// The next bytes, nil at the end.
  func next() async throws -> ByteBuffer?
}

extension RequestBody {
  /// The whole body. Throws `HTTPError` `.bodyTooLarge` past `limit` bytes.
  public func collect(upTo limit: Int) async throws -> ByteBuffer {
    var whole = ByteBuffer()
    while var part: ByteBuffer = try await next() {
      guard whole.readableBytes + part.readableBytes <= limit else {
        throw HTTPError(.bodyTooLarge, "The request's body is larger than \(limit) bytes.")
      }
      whole.writeBuffer(&part)
    }
    return whole
  }
}

/// The way back. Every call suspends while the peer does not read (back-pressure) and throws once the peer is gone.
public protocol ResponseWriter: Sendable {
  func send(_ head: HTTPResponse) async throws
  func write(_ bytes: ByteBuffer) async throws
  /// Ends the response. Trailers travel on HTTP/2 and in-process; HTTP/1.1 sends them after chunked bodies.
  func finish(trailers: HTTPFields?) async throws
}

extension ResponseWriter {
  public func finish() async throws { try await finish(trailers: nil) }

  /// A whole response with `content-length`.
  public func respond(_ status: HTTPResponse.Status, contentType: String, _ body: ByteBuffer) async throws {
    var head = HTTPResponse(status: status)
    head.headerFields[.contentType] = contentType
    head.headerFields[.contentLength] = String(body.readableBytes)
    try await send(head)
    if body.readableBytes > 0 { try await write(body) }
    try await finish(trailers: nil)
  }
}
