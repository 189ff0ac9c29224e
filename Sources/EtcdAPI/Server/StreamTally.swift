import HTTP

/// One stream's part in its method's metrics: it began, its messages, and how it ended, whoever of those that end it is first.
/// On its connection's event loop.
final class StreamTally {
  private let metrics: MethodMetrics
  private var ended: Bool = false

  init(_ metrics: MethodMetrics) {
    self.metrics = metrics
    metrics.started()
  }

  func received(bytes: Int) { metrics.received(bytes: bytes) }

  func sent(bytes: Int) {
    // Nothing goes out once the client is gone.
    if bytes > 0 { metrics.sent(bytes: bytes) }
  }

  func ended(_ code: GRPCStatus.Code) {
    guard !ended else { return }
    ended = true
    metrics.handled(code)
  }

  /// Ends the call with this status and counts it.
  func finish(_ call: GRPCCall, _ status: GRPCStatus = .ok) {
    ended(status.code)
    call.finish(status)
  }
}
