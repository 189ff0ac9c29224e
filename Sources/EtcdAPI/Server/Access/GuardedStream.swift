import HTTP
import NIOCore
import Primitives

/// Stands before a stream whose every message must be allowed (keep-alives): messages go on in their order, each once its check is done.
/// While authentication is off they go on at once.
final class GuardedStream: GRPCCallHandler {
  private let inner: any GRPCCallHandler
  private let service: EtcdService
  private let rule: AccessRule
  private let tally: StreamTally
  private var waiting: CircularBuffer<ByteBuffer> = CircularBuffer()
  private var task: Task<Void, Never>?
  private var halfClosed: Bool = false

  init(_ inner: any GRPCCallHandler, _ rule: AccessRule, _ tally: StreamTally, _ service: EtcdService) {
    self.inner = inner
    self.rule = rule
    self.tally = tally
    self.service = service
  }

  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    waiting.append(message)
    if waiting.count == EtcdLimits.waitingKeepAlives { call.pauseReading() }
    advance(call)
  }

  private func advance(_ call: GRPCCall) {
    while task == nil, call.isOpen, let message: ByteBuffer = waiting.first {
      do {
        let caller: Caller = try service.identify(Credentials(call))
        try rule.check(caller)
        guard rule.needsLeases(caller), let store = service.commandStore else {
          next(message, call)
          continue
        }
        let bound = NIOLoopBound((self, call), eventLoop: call.eventLoop)
        let (rule, loop): (AccessRule, any EventLoop) = (rule, call.eventLoop)
        task = Task {
          let refusal: (any Error)?
          do {
            try await rule.checkLeases(ProtobufReader(message), caller, store)
            refusal = nil
          } catch { refusal = error }
          loop.execute { bound.value.0.checked(message, refusal, bound.value.1) }
        }
      } catch {
        return refuse(error, call)
      }
    }
    if halfClosed, task == nil, waiting.isEmpty, call.isOpen { inner.onHalfClose(call) }
  }

  private func next(_ message: ByteBuffer, _ call: GRPCCall) {
    waiting.removeFirst()
    if waiting.count == EtcdLimits.waitingKeepAlives / 2 { call.resumeReading() }
    inner.onMessage(message, call)
  }

  private func checked(_ message: ByteBuffer, _ refusal: (any Error)?, _ call: GRPCCall) {
    task = nil
    guard call.isOpen else { return }
    if let refusal { return refuse(refusal, call) }
    next(message, call)
    advance(call)
  }

  private func refuse(_ error: any Error, _ call: GRPCCall) {
    waiting.removeAll()
    tally.finish(call, EtcdError.status(error))
    inner.onCancel()
  }

  func onHalfClose(_ call: GRPCCall) {
    halfClosed = true
    advance(call)
  }

  func onCancel() {
    waiting.removeAll()
    task?.cancel()
    inner.onCancel()
  }

  func onWritable(_ call: GRPCCall) { inner.onWritable(call) }
}
