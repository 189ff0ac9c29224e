import HTTPTypes
import NIOCore
import Primitives

/// gRPC calls over an `HTTPClient` that speaks HTTP/2. Server's refusals are thrown as `GRPCStatus`, transport failures as `HTTPError`.
public struct GRPCClient: Sendable {
  public let http: HTTPClient
  private let scheme: String
  private let authority: String
  private let messageLimit: Int

  /// `authority`: over unix sockets `localhost`. `messageLimit`: bytes of one response message.
  public init(_ http: HTTPClient, scheme: String = "http", authority: String = "localhost", messageLimit: Int = 16 * 1024 * 1024) {
    self.http = http
    self.scheme = scheme
    self.authority = authority
    self.messageLimit = messageLimit
  }

  private func request(_ path: String, timeout: Duration?, metadata: [(String, String)]) -> HTTPRequest {
    var fields = HTTPFields()
    fields[.contentType] = "application/grpc"
    fields[.te] = "trailers"
    if let timeout { fields[.grpcTimeout] = "\(max(1, timeout.inNanoseconds / 1_000_000))m" }
    for (name, value) in metadata {
      if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
    }
    return HTTPRequest(method: .post, scheme: scheme, authority: authority, path: path, headerFields: fields)
  }

  /// One message there, one back. `timeout` is told to the server and kept here: `deadlineExceeded`.
  public func unary(
    _ path: String, timeout: Duration? = nil, metadata: [(String, String)] = [], _ message: (inout ProtobufWriter) -> Void
  ) async throws -> ProtobufReader {
    let body: ByteBuffer = .grpcMessage(message)
    let request: HTTPRequest = request(path, timeout: timeout, metadata: metadata)
    guard let timeout else { return try await call(request, body) }
    return try await withThrowingTaskGroup(of: ProtobufReader.self) { group in
      group.addTask { try await call(request, body) }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw GRPCStatus(.deadlineExceeded, "No answer to \(path) within \(timeout).")
      }
      defer { group.cancelAll() }
      guard let first: ProtobufReader = try await group.next() else { preconditionFailure("a group of two tasks is empty") }
      return first
    }
  }

  private func call(_ request: HTTPRequest, _ body: ByteBuffer) async throws -> ProtobufReader {
    let (head, exchange): (HTTPResponse, ClientExchange) = try await http.perform(request, body: body)
    let content = ClientBody(exchange)
    guard head.status == .ok else { throw GRPCStatus(httpStatus: head.status.code) }
    var decoder = GRPCMessageDecoder(limit: messageLimit)
    var message: ByteBuffer?
    while let bytes: ByteBuffer = try await content.next() {
      decoder.append(bytes)
      while let next: ByteBuffer = try decoder.next() {
        guard message == nil else { throw GRPCStatus(.internal, "The server answered a unary call with more than one message.") }
        message = next
      }
    }
    try Self.check(exchange.inbound.trailers)
    guard let message else { throw GRPCStatus(.internal, "The server answered with success and no message.") }
    return ProtobufReader(message)
  }

  static func check(_ trailers: HTTPFields?) throws {
    guard let text: String = trailers?[.grpcStatus], let code = Int(text) else {
      throw GRPCStatus(.internal, "The response ended without a grpc-status.")
    }
    if code != 0 { throw GRPCStatus(.init(code), GRPCStatus.decode(trailers?[.grpcMessage] ?? "")) }
  }

  /// Opens a stream of messages each way.
  public func stream(_ path: String, metadata: [(String, String)] = []) async throws -> GRPCClientStream {
    let stream: ClientStream = try await http.open(request(path, timeout: nil, metadata: metadata))
    return GRPCClientStream(stream, messageLimit: messageLimit)
  }
}

/// A streaming call. Dropping it cancels the call.
public final class GRPCClientStream: Sendable {
  private let stream: ClientStream
  private let incoming: Incoming

  /// Touched by the one task that calls `next`.
  private actor Incoming {
    var decoder: GRPCMessageDecoder
    var checked: Bool = false
    init(limit: Int) { decoder = GRPCMessageDecoder(limit: limit) }

    func next(_ stream: ClientStream) async throws -> ByteBuffer? {
      while true {
        if let message: ByteBuffer = try decoder.next() { return message }
        if !checked {
          let head: HTTPResponse = try await stream.response()
          checked = true
          guard head.status == .ok else { throw GRPCStatus(httpStatus: head.status.code) }
        }
        guard let bytes: ByteBuffer = try await stream.next() else {
          try GRPCClient.check(stream.trailers)
          return nil
        }
        decoder.append(bytes)
      }
    }
  }

  init(_ stream: ClientStream, messageLimit: Int) {
    self.stream = stream
    incoming = Incoming(limit: messageLimit)
  }

  public func send(_ message: (inout ProtobufWriter) -> Void) async throws { try await stream.write(.grpcMessage(message)) }
  public func sendEnd() async throws { try await stream.finish() }
  /// The next message; nil at a good end. Throws the server's `GRPCStatus`, or `HTTPError`.
  public func next() async throws -> ProtobufReader? { try await incoming.next(stream).map { ProtobufReader($0) } }
  public func cancel() { stream.cancel() }
}

extension HTTPField.Name {
  static let te: Self = .init("te")!
  static let grpcStatus: Self = .init("grpc-status")!
  static let grpcMessage: Self = .init("grpc-message")!
  static let grpcTimeout: Self = .init("grpc-timeout")!
}
