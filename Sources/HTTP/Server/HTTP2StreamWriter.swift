import NIOCore

/// The way back of one HTTP/2 stream: the only object that a request costs beside its handler. Lets go of its connection when both
/// sides have ended, so that late calls do nothing.
final class HTTP2StreamWriter: StreamWriter {
  let eventLoop: any EventLoop
  let slot: Int
  /// Nil after the end.
  var connection: HTTP2ServerConnection?
  var handler: (any StreamHandler)?
  /// The request is complete; `inputTold` once the handler knows.
  var inputEnded: Bool = false
  var inputTold: Bool = false
  var outputEnded: Bool = false
  var isHead: Bool = false
  /// The head was all that may be sent; the slot may be another stream's. What the handler still says is dropped.
  var isWhole: Bool = false

  init(connection: HTTP2ServerConnection, eventLoop: any EventLoop, slot: Int, handler: any StreamHandler) {
    self.connection = connection
    self.eventLoop = eventLoop
    self.slot = slot
    self.handler = handler
  }

  func abort(_ error: HTTPError) {
    connection = nil
    outputEnded = true
    let told: (any StreamHandler)? = handler
    handler = nil
    told?.onReset(error)
  }

  var isWritable: Bool {
    guard let connection, !outputEnded else { return false }
    return isWhole || connection.isWritable(self)
  }

  func send(_ block: FieldBlock, end: Bool) {
    guard let connection, !outputEnded else { return }
    if !isWhole { return connection.send(self, block, end: end) }
    if end { connection.sendEnd(self, nil) }
  }

  func sendData(_ bytes: ByteBuffer) {
    guard let connection, !outputEnded, !isWhole else { return }
    connection.sendData(self, bytes)
  }

  func sendEnd(trailers: FieldBlock?) {
    guard let connection, !outputEnded else { return }
    connection.sendEnd(self, trailers)
  }

  func reset() {
    guard let connection, !outputEnded else { return }
    if isWhole { connection.sendEnd(self, nil) } else { connection.reset(self) }
  }

  func pauseReading() {
    guard let connection, !inputEnded, !outputEnded, !isWhole else { return }
    connection.pause(self)
  }

  func resumeReading() {
    guard let connection, !outputEnded, !isWhole else { return }
    connection.resume(self)
  }
}
