import HTTPTypes
import Logging
import NIOCore
import Synchronization
import TLS

/// An `HTTPTransport` that calls a `Responder` in this process: the same code as over a socket, without one. Back-pressure,
/// cancellation and errors behave as they do over HTTP/2.
public struct InProcessTransport: HTTPTransport {
  private let responder: any Responder
  private let peer: PeerIdentity?
  private let limits: HTTPLimits
  private let logger: Logger

  /// `peer`: as whom the requests are made.
  public init(
    responder: any Responder, peer: PeerIdentity?, limits: HTTPLimits = HTTPLimits(), logger: Logger = Logger(label: "http.in-process")
  ) {
    self.responder = responder
    self.peer = peer
    self.limits = limits
    self.logger = logger
  }

  public func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    try Task.checkCancellation()
    let exchange = InProcessExchange(limits: limits)
    let served = ServerRequest(head: request, peer: peer, remoteAddress: "in-process", body: WholeBody(body))
    let task = Task { [responder, logger] in
      do {
        try await responder.respond(to: served, through: exchange)
        exchange.returned()
      } catch {
        exchange.threw(error, logger: logger, path: request.path ?? "")
      }
    }
    exchange.onAbandon { task.cancel() }
    return try await withTaskCancellationHandler {
      let head: HTTPResponse = try await exchange.head.value()
      return ClientResponse(head: head, body: InProcessBody(exchange))
    } onCancel: {
      exchange.abandon()
    }
  }
}

/// The response on its way from the responder's task to the caller's.
final class InProcessExchange: ResponseWriter, Sendable {
  let head = OneShot<HTTPResponse>()
  let pipe: BodyPipe
  private let stage: Mutex<QueuedResponse.Stage> = Mutex(.idle)
  private let abandoned: Mutex<(done: Bool, cancel: (@Sendable () -> Void)?)> = Mutex((false, nil))

  init(limits: HTTPLimits) { pipe = BodyPipe(limit: limits.bufferedResponse) }

  func onAbandon(_ cancel: @escaping @Sendable () -> Void) {
    let already: Bool = abandoned.withLock { state in
      state.cancel = cancel
      return state.done
    }
    if already { cancel() }
  }

  /// The caller went away.
  func abandon() {
    let error = HTTPError(.cancelled, "The caller dropped the response before its end.")
    head.complete(.failure(error))
    pipe.fail(error)
    let cancel: (@Sendable () -> Void)? = abandoned.withLock { state in
      state.done = true
      defer { state.cancel = nil }
      return state.cancel
    }
    cancel?()
  }

  private func advance(from: QueuedResponse.Stage, to: QueuedResponse.Stage, _ rule: String) throws {
    try stage.withLock { stage in
      guard stage == from else { throw HTTPError(.protocolViolation, "\(rule); this one is \(stage).") }
      stage = to
    }
  }

  func send(_ head: HTTPResponse) async throws {
    try advance(from: .idle, to: .headSent, "A response has one head")
    guard self.head.complete(.success(head)) else { throw HTTPError(.connectionLost, "The caller is gone.") }
  }

  func write(_ bytes: ByteBuffer) async throws {
    try advance(from: .headSent, to: .headSent, "Body bytes belong between head and end")
    try await pipe.send(bytes)
  }

  func finish(trailers: HTTPFields?) async throws {
    try advance(from: .headSent, to: .finished, "A response ends once, after its head")
    pipe.finish(trailers: trailers)
  }

  func returned() {
    switch stage.withLock({ $0 }) {
    case .finished: break
    case .idle: plain(.internalServerError, "The server did not answer this request.")
    case .headSent: pipe.fail(HTTPError(.connectionLost, "The responder left without ending its response."))
    }
  }

  func threw(_ error: any Error, logger: Logger, path: String) {
    guard stage.withLock({ $0 }) == .idle else {
      return pipe.fail(HTTPError(.connectionLost, "The responder failed in the middle of its response.", cause: error))
    }
    if let known = error as? HTTPError, known.code == .bodyTooLarge { return plain(.contentTooLarge, known.message) }
    if let known = error as? HTTPError, known.code == .tooManyRequests { return plain(.tooManyRequests, known.message) }
    if abandoned.withLock({ $0.done }) { return }
    logger.error("request failed", metadata: ["path": "\(path)", "error": "\(error)"])
    plain(.internalServerError, "The server failed while it answered this request; its log says why.")
  }

  private func plain(_ status: HTTPResponse.Status, _ text: String) {
    var response = HTTPResponse(status: status)
    response.headerFields[.contentType] = "text/plain; charset=utf-8"
    _ = pipe.push(ByteBuffer(string: text + "\n"))
    pipe.finish()
    head.complete(.success(response))
  }
}

/// Dropping it before its end cancels the responder's task.
final class InProcessBody: RequestBody, Sendable {
  private let exchange: InProcessExchange
  init(_ exchange: InProcessExchange) { self.exchange = exchange }

  func next() async throws -> ByteBuffer? {
    do {
      return try await exchange.pipe.next()
    } catch let error as HTTPError where error.code == .cancelled {
      exchange.abandon()
      throw error
    }
  }

  deinit {
    if !exchange.pipe.isOver { exchange.abandon() }
  }
}
