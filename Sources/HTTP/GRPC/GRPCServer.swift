import NIOCore
import TLS

/// Handles one gRPC call on its connection's event loop: unary, streaming, either way.
public protocol GRPCCallHandler: AnyObject {
  func onMessage(_ message: ByteBuffer, _ call: GRPCCall)
  /// The client sends no more.
  func onHalfClose(_ call: GRPCCall)
  /// The client is gone. Not called after `finish`.
  func onCancel()
  /// The client reads again after `isWritable` was false.
  func onWritable(_ call: GRPCCall)
}

extension GRPCCallHandler {
  public func onCancel() {}
  public func onWritable(_ call: GRPCCall) {}
}

/// The server's side of a call, on its event loop only. After `finish`, or after the client went away, calls do nothing.
public final class GRPCCall {
  public let eventLoop: any EventLoop
  /// `/package.Service/Method`
  public var path: String { head.path }
  public var peer: PeerIdentity? { head.peer }
  public var remoteAddress: String { head.remoteAddress }
  private let head: StreamHead
  private var writer: (any StreamWriter)?
  private var headSent: Bool = false

  private static let headers = FieldBlock(status: 200, [("content-type", "application/grpc")]).prepared()
  private static let okTrailers: FieldBlock = GRPCStatus.ok.trailers.prepared()
  private static let okWithoutMessage: FieldBlock = headers.adding(GRPCStatus.ok.trailers).prepared()

  init(head: StreamHead, writer: any StreamWriter) {
    self.head = head
    self.writer = writer
    eventLoop = writer.eventLoop
  }

  /// Request metadata; names in lower case.
  public func metadata(_ name: String) -> String? { head.first(name) }

  public var isWritable: Bool { writer?.isWritable ?? false }
  public var isOpen: Bool { writer != nil }

  /// Sends the response's headers if they were not sent yet: streams tell their client early that they stand.
  public func sendHeaders() {
    guard let writer, !headSent else { return }
    headSent = true
    writer.send(Self.headers, end: false)
  }

  /// Returns the bytes sent; 0 once the call is over.
  @discardableResult
  public func send(capacity: Int = 256, _ message: (inout ProtobufWriter) -> Void) -> Int {
    guard let writer else { return 0 }
    sendHeaders()
    let frame: ByteBuffer = .grpcMessage(capacity: capacity, message)
    let bytes: Int = frame.readableBytes
    writer.sendData(frame)
    return bytes
  }

  public func finish(_ status: GRPCStatus = .ok) {
    guard let writer else { return }
    self.writer = nil
    if headSent {
      writer.sendEnd(trailers: status.code == .ok ? Self.okTrailers : status.trailers)
    } else {
      writer.send(status.code == .ok ? Self.okWithoutMessage : Self.headers.adding(status.trailers), end: true)
    }
  }

  public func pauseReading() { writer?.pauseReading() }
  public func resumeReading() { writer?.resumeReading() }

  func detach() { writer = nil }
}

/// Lets a listener speak gRPC: `HTTPServer(configuration, streams: GRPCRouter(…).route, responder: …)`.
public struct GRPCRouter: Sendable {
  public typealias Method = @Sendable (_ path: String) -> (any GRPCCallHandler)?
  private let messageLimit: Int
  private let method: Method

  /// `method` makes the handler of one call; nil: UNIMPLEMENTED.
  public init(messageLimit: Int, method: @escaping Method) {
    self.messageLimit = messageLimit
    self.method = method
  }

  /// A handler that takes a gRPC call's frames, whatever carries them: its writer is given the answer as gRPC.
  public func stream(for path: String) -> any StreamHandler { GRPCStream(handler: method(path), messageLimit: messageLimit) }

  /// Takes requests whose content type is gRPC's; others go to the `Responder`.
  public var route: StreamRouter {
    { head in
      guard head.isGRPC else { return nil }
      return GRPCStream(handler: method(head.path), messageLimit: messageLimit)
    }
  }
}

/// From HTTP/2's callbacks to gRPC's.
final class GRPCStream: StreamHandler {
  private var handler: (any GRPCCallHandler)?
  private var call: GRPCCall?
  private var decoder: GRPCMessageDecoder

  init(handler: (any GRPCCallHandler)?, messageLimit: Int) {
    self.handler = handler
    decoder = GRPCMessageDecoder(limit: messageLimit)
  }

  func onHeaders(_ head: StreamHead, writer: any StreamWriter) {
    let call = GRPCCall(head: head, writer: writer)
    self.call = call
    if head.method != "POST" { return refuse(GRPCStatus(.internal, "grpc: the method of a call is POST, not \(head.method)")) }
    guard handler == nil else { return }
    let parts: [Substring] = head.path.split(separator: "/", omittingEmptySubsequences: true)
    if parts.count == 2 {
      // grpc-go's sentence, which clients show to people.
      refuse(GRPCStatus(.unimplemented, "unknown method \(parts[1]) for service \(parts[0])"))
    } else {
      refuse(GRPCStatus(.unimplemented, "malformed method name: \"\(head.path)\""))
    }
  }

  private func refuse(_ status: GRPCStatus) {
    handler = nil
    call?.finish(status)
    call = nil
  }

  func onData(_ bytes: ByteBuffer) {
    guard call != nil else { return }
    decoder.append(bytes)
    do {
      while let call, let handler, let message: ByteBuffer = try decoder.next() { handler.onMessage(message, call) }
    } catch {
      let cancelled: (any GRPCCallHandler)? = handler
      refuse(error as? GRPCStatus ?? GRPCStatus(.internal, "\(error)"))
      cancelled?.onCancel()
    }
  }

  func onEnd() {
    guard let call, let handler else { return }
    if decoder.hasRest {
      refuse(GRPCStatus(.internal, "grpc: the stream ended inside a message"))
      return handler.onCancel()
    }
    handler.onHalfClose(call)
  }

  func onReset(_ error: HTTPError) {
    let open: Bool = call?.isOpen ?? false
    call?.detach()
    call = nil
    if open { handler?.onCancel() }
    handler = nil
  }

  func onWritable() {
    if let call { handler?.onWritable(call) }
  }
}
