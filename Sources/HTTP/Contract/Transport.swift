import HTTPTypes
import NIOCore

/// What sends requests: a pool of connections to a server (`HTTPClient`), or a `Responder` in the same process.
public protocol HTTPTransport: Sendable {
  /// Sends a request with a whole body and returns as soon as the response's head is there. Cancelling the task, or dropping
  /// the body before its end, resets the stream.
  func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse
}

public struct ClientResponse: Sendable {
  public var head: HTTPResponse
  /// Pulled by one task.
  public var body: any RequestBody
  public init(head: HTTPResponse, body: any RequestBody) {
    self.head = head
    self.body = body
  }
}
