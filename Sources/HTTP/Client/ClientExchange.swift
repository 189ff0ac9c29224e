import HTTPTypes
import NIOCore
import Synchronization

/// One request and its response on their way between a task and a connection's event loop.
///
///     task: OutboundQueue ─▶ loop      task ◀─ head (OneShot), BodyPipe ◀─ loop
final class ClientExchange: Sendable {
  enum Body: Sendable {
    case whole(ByteBuffer?)
    case streamed(OutboundQueue<Never>)
  }
  private struct State {
    var abort: (@Sendable () -> Void)?
    var aborted: Bool = false
    var sent: Bool = false
  }
  let request: HTTPRequest
  let body: Body
  let head = OneShot<HTTPResponse>()
  let inbound: BodyPipe
  private let state: Mutex<State> = Mutex(State())

  init(_ request: HTTPRequest, body: Body, limits: HTTPLimits) {
    self.request = request
    self.body = body
    inbound = BodyPipe(limit: limits.bufferedBody)
  }

  /// Bytes of the request may have reached the server.
  var wasSent: Bool { state.withLock { $0.sent } }
  func markSent(_ sent: Bool = true) { state.withLock { $0.sent = sent } }

  /// The loop's side says how to break the stream. False: it was aborted already.
  func attach(abort: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      if state.aborted { return false }
      state.abort = abort
      return true
    }
  }

  /// The task lost interest: reset the stream.
  func abort(_ error: any Error) {
    let abort: (@Sendable () -> Void)? = state.withLock { state in
      state.aborted = true
      defer { state.abort = nil }
      return state.abort
    }
    fail(error)
    abort?()
  }

  /// The connection's side says that nothing more comes.
  func fail(_ error: any Error) {
    head.complete(.failure(error))
    inbound.fail(error)
    if case .streamed(let queue) = body { queue.fail(error) }
    state.withLock { $0.abort = nil }
  }

  func finish(trailers: HTTPFields?) {
    inbound.finish(trailers: trailers)
    state.withLock { $0.abort = nil }
  }

  /// Waits for the head; cancellation and the timeout reset the stream.
  func response(timeout: Duration?, loop: any EventLoop) async throws -> HTTPResponse {
    let timer: Scheduled<Void>? = timeout.map { timeout in
      loop.scheduleTask(in: .nanoseconds(timeout.nioNanoseconds)) {
        if !self.head.isDone { self.abort(HTTPError(.timeout, "No response to \(self.request.path ?? "") within \(timeout).")) }
      }
    }
    defer { timer?.cancel() }
    return try await withTaskCancellationHandler {
      try await head.value()
    } onCancel: {
      abort(HTTPError(.cancelled, "The request's task was cancelled."))
    }
  }
}

/// The response's body in the caller's hands: dropping it before its end resets the stream.
final class ClientBody: RequestBody, Sendable {
  private let exchange: ClientExchange
  init(_ exchange: ClientExchange) { self.exchange = exchange }

  func next() async throws -> ByteBuffer? {
    do {
      return try await exchange.inbound.next()
    } catch let error as HTTPError where error.code == .cancelled {
      exchange.abort(error)
      throw error
    }
  }

  deinit {
    if !exchange.inbound.isOver || exchange.inbound.buffered > 0 {
      exchange.abort(HTTPError(.cancelled, "The response's body was dropped before its end."))
    }
  }
}

/// A request whose body is sent as it is made (gRPC streams, uploads). Keep it for as long as the response is wanted.
public final class ClientStream: Sendable {
  private let exchange: ClientExchange
  private let queue: OutboundQueue<Never>
  private let loop: any EventLoop
  private let timeout: Duration?

  init(exchange: ClientExchange, queue: OutboundQueue<Never>, loop: any EventLoop, timeout: Duration?) {
    self.exchange = exchange
    self.queue = queue
    self.loop = loop
    self.timeout = timeout
  }

  /// Suspends while the server does not read.
  public func write(_ bytes: ByteBuffer) async throws { try await queue.enqueue(.data(bytes)) }
  public func finish() async throws { try await queue.enqueue(.end(nil)) }
  /// Once.
  public func response() async throws -> HTTPResponse { try await exchange.response(timeout: timeout, loop: loop) }
  /// The response's next bytes, nil at its end. One task.
  public func next() async throws -> ByteBuffer? { try await exchange.inbound.next() }
  /// After `next` returned nil.
  public var trailers: HTTPFields? { exchange.inbound.trailers }
  public func cancel() { exchange.abort(HTTPError(.cancelled, "The stream was cancelled.")) }

  deinit {
    if !exchange.inbound.isOver { cancel() }
  }
}
