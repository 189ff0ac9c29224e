import HTTPTypes
import NIOCore
import TLS

/// The hot path beside `Responder`: one request handled by callbacks on its connection's event loop, without a task, a hop or a
/// lock. Made per request by the listener's `StreamRouter`, used on that loop only, let go after `onEnd` and the response's
/// end, or after `onReset`.
public protocol StreamHandler: AnyObject {
  /// First call. The writer lives as long as the stream; answering from inside is allowed.
  func onHeaders(_ head: StreamHead, writer: any StreamWriter)
  func onData(_ bytes: ByteBuffer)
  /// The request is complete.
  func onEnd()
  /// The peer reset the stream or went away, or the listener shuts down; nothing can be sent any more. Not called after both
  /// sides ended.
  func onReset(_ error: HTTPError)
  /// The peer reads again after `isWritable` was false.
  func onWritable()
}

extension StreamHandler {
  public func onWritable() {}
}

/// Chooses a handler for a request; nil leaves it to the listener's `Responder`. Called on the connection's event loop.
public typealias StreamRouter = @Sendable (StreamHead) -> (any StreamHandler)?

/// The way back of a stream, on its event loop only. Calls after the end, or after the peer went away, do nothing.
public protocol StreamWriter: AnyObject {
  var eventLoop: any EventLoop { get }
  /// False: more would be buffered without bound; wait for `onWritable`.
  var isWritable: Bool { get }
  /// The response's head, or with `end` its trailers. Flushed at the end of the loop's tick.
  func send(_ block: FieldBlock, end: Bool)
  func sendData(_ bytes: ByteBuffer)
  /// Ends the response. Trailers travel on HTTP/2 and after HTTP/1.1's chunked bodies.
  func sendEnd(trailers: FieldBlock?)
  /// Breaks the stream: RST_STREAM with INTERNAL_ERROR, or HTTP/1.1's connection closed.
  func reset()
  /// Stops the peer through its flow-control window.
  func pauseReading()
  func resumeReading()
  /// The protocols that the request asks to go on with; nil where it does not ask or nothing else can be spoken.
  var upgradeProtocols: [String]? { get }
  /// Sends `head`, leaves HTTP and hands the connection over. Nil: the peer is gone, or `upgradeProtocols` is nil.
  func upgrade(_ head: HTTPResponse) -> DuplexStream?
}

extension StreamWriter {
  public var upgradeProtocols: [String]? { nil }
  public func upgrade(_ head: HTTPResponse) -> DuplexStream? { nil }
}

extension StreamWriter {
  public func sendHeaders(_ head: HTTPResponse) { send(FieldBlock(head), end: false) }
  public func sendTrailers(_ trailers: HTTPFields?) { sendEnd(trailers: trailers.map { FieldBlock(trailers: $0) }) }
}
