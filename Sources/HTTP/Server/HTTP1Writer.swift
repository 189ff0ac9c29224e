import HTTPTypes
import NIOCore

/// The response of one HTTP/1.1 request. Detached from its connection at its end, so that late calls do nothing.
final class HTTP1Writer: StreamWriter {
  let eventLoop: any EventLoop
  private weak var connection: HTTP1ServerConnection?
  private let isHead: Bool
  private let http10: Bool
  let keepAlive: Bool
  private var framing: HTTP1Response.Framing = .none
  private(set) var headSent: Bool = false
  let upgradeProtocols: [String]?

  init(
    connection: HTTP1ServerConnection, eventLoop: any EventLoop, isHead: Bool, http10: Bool, keepAlive: Bool,
    upgradeProtocols: [String]? = nil
  ) {
    self.upgradeProtocols = upgradeProtocols
    self.connection = connection
    self.eventLoop = eventLoop
    self.isHead = isHead
    self.http10 = http10
    self.keepAlive = keepAlive
  }

  func detach() { connection = nil }

  var isWritable: Bool { connection?.isWritable ?? false }

  func send(_ block: FieldBlock, end: Bool) {
    guard let connection else { return }
    if headSent { return end ? sendEnd(trailers: block) : () }
    headSent = true
    var buffer: ByteBuffer = connection.buffer(capacity: 512)
    framing = HTTP1Response.head(block, isHead: isHead, http10: http10, keepAlive: keepAlive && !connection.draining, into: &buffer)
    connection.write(buffer)
    if end { sendEnd(trailers: nil) }
  }

  func sendData(_ bytes: ByteBuffer) {
    guard let connection, headSent else { return }
    switch framing {
    case .none: break
    case .contentLength, .untilClose: connection.write(bytes)
    case .chunked:
      guard bytes.readableBytes > 0 else { return }
      var bytes: ByteBuffer = bytes
      var buffer: ByteBuffer = connection.buffer(capacity: bytes.readableBytes + 20)
      HTTP1Response.chunk(&bytes, into: &buffer)
      connection.write(buffer)
    }
  }

  func sendEnd(trailers: FieldBlock?) {
    guard let connection else { return }
    if framing == .chunked {
      var buffer: ByteBuffer = connection.buffer(capacity: 64)
      HTTP1Response.lastChunk(trailers, into: &buffer)
      connection.write(buffer)
    }
    detach()
    connection.responseEnded(close: !keepAlive || framing == .untilClose)
  }

  func reset() {
    guard let connection else { return }
    detach()
    connection.abort()
  }

  func upgrade(_ head: HTTPResponse) -> DuplexStream? {
    guard let connection, !headSent, upgradeProtocols != nil else { return nil }
    headSent = true
    detach()
    return connection.upgrade(head)
  }

  func pauseReading() { connection?.pauseReading() }
  func resumeReading() { connection?.resumeReading() }
}
