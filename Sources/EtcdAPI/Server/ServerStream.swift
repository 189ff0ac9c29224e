import HTTP
import NIOCore
import Primitives

/// One RPC with one request and many responses.
protocol ServerStreamMethod: Sendable {
  static var path: String { get }
  init(_ service: EtcdService)
  /// Reads the request. What is returned runs on a task of its own and sends through the sink.
  func prepare(_ request: ProtobufReader, _ credentials: Credentials) throws -> @Sendable (StreamSink) async throws -> Void
}

/// Where a streaming method's task sends. Every call waits while the client does not read, and throws `CancellationError` once it is gone.
struct StreamSink: Sendable {
  fileprivate let deliver: @Sendable (_ capacity: Int, _ message: @escaping @Sendable (inout ProtobufWriter) -> Void) async -> Bool

  func send(capacity: Int = 256, _ message: @escaping @Sendable (inout ProtobufWriter) -> Void) async throws {
    guard await deliver(capacity, message), !Task.isCancelled else { throw CancellationError() }
  }
}

final class ServerStreamCall: GRPCCallHandler {
  private let method: any ServerStreamMethod
  private let service: EtcdService
  private let rule: AccessRule
  private let metrics: MethodMetrics
  private var task: Task<Void, Never>?
  private var blocked: CheckedContinuation<Bool, Never>?

  init(_ method: any ServerStreamMethod, _ rule: AccessRule, _ metrics: MethodMetrics, _ service: EtcdService) {
    self.method = method
    self.rule = rule
    self.metrics = metrics
    self.service = service
  }

  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    metrics.started()
    metrics.received(bytes: message.readableBytes)
    guard task == nil else { return call.finish(GRPCStatus(.internal, "grpc: a call with one request got a second one")) }
    do {
      let credentials = Credentials(call)
      try rule.check(try service.identify(credentials))
      start(try method.prepare(ProtobufReader(message), credentials), call)
    } catch {
      end(EtcdError.status(error), call)
    }
  }

  private func end(_ status: GRPCStatus, _ call: GRPCCall) {
    metrics.handled(status.code)
    call.finish(status)
  }

  private func start(_ work: @escaping @Sendable (StreamSink) async throws -> Void, _ call: GRPCCall) {
    let bound = NIOLoopBound((self, call), eventLoop: call.eventLoop)
    let loop: any EventLoop = call.eventLoop
    let sink = StreamSink { capacity, message in
      await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        loop.execute {
          let (stream, call) = bound.value
          stream.metrics.sent(bytes: call.send(capacity: capacity, message))
          if call.isOpen, !call.isWritable { stream.blocked = continuation } else { continuation.resume(returning: call.isOpen) }
        }
      }
    }
    task = Task {
      let status: GRPCStatus
      do {
        try await work(sink)
        status = .ok
      } catch {
        status = EtcdError.status(error)
      }
      loop.execute { bound.value.0.end(status, bound.value.1) }
    }
  }

  func onHalfClose(_ call: GRPCCall) {
    if task == nil { call.finish(GRPCStatus(.internal, "grpc: a call without a request message")) }
  }

  func onWritable(_ call: GRPCCall) { release(open: true) }

  func onCancel() {
    task?.cancel()
    release(open: false)
  }

  private func release(open: Bool) {
    blocked?.resume(returning: open)
    blocked = nil
  }
}
