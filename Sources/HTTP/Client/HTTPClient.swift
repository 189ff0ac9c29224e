import HTTPTypes
import Logging
import NIOCore
import Synchronization

/// Requests to one service, wherever of its targets it runs: one shared HTTP/2 connection, or a bounded pool of HTTP/1.1 ones.
/// Connections are made when needed and replaced when broken. A request that certainly was not sent is tried once more.
public final class HTTPClient: HTTPTransport, Sendable {
  private let configuration: HTTPClientConfiguration
  private let pool: ConnectionPool
  let eventLoop: any EventLoop

  public init(_ configuration: HTTPClientConfiguration) {
    self.configuration = configuration
    eventLoop = configuration.group.next()
    pool = ConnectionPool(configuration, eventLoop: eventLoop)
  }

  public func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    let (head, exchange): (HTTPResponse, ClientExchange) = try await perform(request, body: body)
    return ClientResponse(head: head, body: ClientBody(exchange))
  }

  func perform(_ request: HTTPRequest, body: ByteBuffer?) async throws -> (HTTPResponse, ClientExchange) {
    var attempt: Int = 0
    while true {
      attempt += 1
      let exchange = ClientExchange(request, body: .whole(body), limits: configuration.limits)
      let reused: Bool = try await pool.start(exchange)
      do {
        return (try await exchange.response(timeout: configuration.responseTimeout, loop: eventLoop), exchange)
      } catch let error as HTTPError where error.code == .connectionLost && attempt < 3 {
        // An idle HTTP/1.1 connection may be closed by the server just as it is used again: safe to repeat what changes nothing.
        let harmless: Bool = reused && (request.method == .get || request.method == .head)
        if exchange.wasSent, !harmless { throw error }
      }
    }
  }

  /// Opens a request whose body is sent piece by piece.
  public func open(_ request: HTTPRequest) async throws -> ClientStream {
    let queue = OutboundQueue<Never>(limit: configuration.limits.bufferedResponse)
    let exchange = ClientExchange(request, body: .streamed(queue), limits: configuration.limits)
    _ = try await pool.start(exchange)
    return ClientStream(exchange: exchange, queue: queue, loop: eventLoop, timeout: configuration.responseTimeout)
  }

  /// Requests under way fail with `.connectionLost`, later ones with `.connectFailed`.
  public func close() { pool.close() }

  /// The target that served last.
  public var currentTarget: HTTPClientConfiguration.Target { pool.currentTarget }

  deinit { pool.close() }
}
