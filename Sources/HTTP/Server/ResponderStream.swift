import HTTPTypes
import Logging
import NIOCore

/// Carries one request from the event loop to a `Responder`'s task and back.
///
///     loop:  onData ─▶ BodyPipe ─▶ body.next()          :task
///     loop:  writer ◀─ OutboundQueue ◀─ response.write() :task
final class ResponderStream: StreamHandler {
  private let responder: any Responder
  private let body: BodyPipe
  private let outbound: OutboundQueue<HTTPResponse>
  private let logger: Logger
  private var writer: (any StreamWriter)?
  private var task: Task<Void, Never>?

  init(responder: any Responder, limits: HTTPLimits, logger: Logger) {
    self.responder = responder
    self.logger = logger
    body = BodyPipe(limit: limits.bufferedBody)
    outbound = OutboundQueue(limit: limits.bufferedResponse)
  }

  func onHeaders(_ head: StreamHead, writer: any StreamWriter) {
    guard let request: HTTPRequest = head.request() else {
      writer.send(FieldBlock(status: 400, [("content-length", "0")]), end: true)
      return
    }
    self.writer = writer
    let bound = NIOLoopBound(self, eventLoop: writer.eventLoop)
    let loop: any EventLoop = writer.eventLoop
    outbound.attach { loop.execute { bound.value.drain() } }
    body.onResume { loop.execute { bound.value.writer?.resumeReading() } }
    var served = ServerRequest(head: request, peer: head.peer, remoteAddress: head.remoteAddress, body: body)
    let response = QueuedResponse(queue: outbound)
    if let protocols: [String] = writer.upgradeProtocols {
      served.upgrade = UpgradeOffer(protocols: protocols) { head in
        try response.leaveHTTP()
        let stream: DuplexStream? = try await loop.submit { bound.value.leaveHTTP(head) }.get()
        guard let stream else { throw HTTPError(.connectionLost, "The client left before its connection was upgraded.") }
        return stream
      }
    }
    let (responder, logger): (any Responder, Logger) = (self.responder, self.logger)
    task = Task { await ResponderStream.serve(responder, served, response, logger) }
  }

  private static func serve(_ responder: any Responder, _ request: ServerRequest, _ response: QueuedResponse, _ logger: Logger) async {
    do {
      try await responder.respond(to: request, through: response)
      if response.stage == .finished { return }
      logger.error("responder returned without ending its response", metadata: ["path": "\(request.head.path ?? "")"])
      await response.giveUp(status: .internalServerError, text: "The server did not answer this request.")
    } catch let error as HTTPError where error.code == .bodyTooLarge {
      await response.giveUp(status: .contentTooLarge, text: error.message)
    } catch let error as HTTPError where error.code == .tooManyRequests {
      await response.giveUp(status: .tooManyRequests, text: error.message)
    } catch {
      // A peer that went away is its own business, not an error of ours.
      if response.peerIsGone { return }
      logger.error("request failed", metadata: ["path": "\(request.head.path ?? "")", "error": "\(error)"])
      await response.giveUp(status: .internalServerError, text: "The server failed while it answered this request; its log says why.")
    }
  }

  private func leaveHTTP(_ head: HTTPResponse) -> DuplexStream? {
    guard let writer else { return nil }
    self.writer = nil
    outbound.close()
    body.finish()
    return writer.upgrade(head)
  }

  private func drain() {
    guard let writer else { return }
    outbound.drain(while: { writer.isWritable }) { piece in
      switch piece {
      case .head(let head): writer.sendHeaders(head)
      case .data(let bytes): writer.sendData(bytes)
      case .end(let trailers):
        writer.sendTrailers(trailers)
        outbound.close()
      case .reset: writer.reset()
      }
    }
  }

  func onData(_ bytes: ByteBuffer) {
    if !body.push(bytes) { writer?.pauseReading() }
  }

  func onEnd() { body.finish() }

  func onWritable() { drain() }

  func onReset(_ error: HTTPError) {
    body.fail(error)
    outbound.fail(error)
    task?.cancel()
    task = nil
    writer = nil
  }
}
