import HTTPTypes
import NIOCore
import Synchronization

/// What a `Responder` writes to: checks the order of its calls and queues them for the event loop.
final class QueuedResponse: ResponseWriter, Sendable {
  enum Stage: Sendable { case idle, headSent, finished }
  private let queue: OutboundQueue<HTTPResponse>
  private let current: Mutex<Stage> = Mutex(.idle)

  init(queue: OutboundQueue<HTTPResponse>) { self.queue = queue }

  var stage: Stage { current.withLock { $0 } }
  var peerIsGone: Bool { queue.failure != nil }

  func send(_ head: HTTPResponse) async throws {
    try advance(from: .idle, to: .headSent, "A response has one head")
    try await queue.enqueue(.head(head))
  }

  func write(_ bytes: ByteBuffer) async throws {
    try advance(from: .headSent, to: .headSent, "Body bytes belong between head and end")
    if bytes.readableBytes > 0 { try await queue.enqueue(.data(bytes)) }
  }

  func finish(trailers: HTTPFields?) async throws {
    try advance(from: .headSent, to: .finished, "A response ends once, after its head")
    try await queue.enqueue(.end(trailers))
  }

  /// The connection has left HTTP: nothing can be answered any more.
  func leaveHTTP() throws { try advance(from: .idle, to: .finished, "A connection is upgraded instead of an answer") }

  /// A wrong order is the responder's fault and breaks its one response, not the process.
  private func advance(from: Stage, to: Stage, _ rule: String) throws {
    try current.withLock { stage in
      guard stage == from else { throw HTTPError(.protocolViolation, "\(rule); this one is \(stage).") }
      stage = to
    }
  }

  /// For a responder that threw or left: an error response if nothing was sent, a broken stream otherwise.
  func giveUp(status: HTTPResponse.Status, text: String) async {
    switch stage {
    case .idle: try? await respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: text + "\n"))
    case .headSent: try? await queue.enqueue(.reset)
    case .finished: break
    }
  }
}
