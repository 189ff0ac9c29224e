import HTTPTypes
import NIOCore

/// The client's side of an upgrade: one request on a connection of its own.
public enum UpgradeClient {
  public enum Outcome: Sendable {
    /// The server's head, and the connection from here on.
    case switched(HTTPResponse, DuplexStream)
    /// It answered otherwise; the body up to `refusalBytes`.
    case refused(HTTPResponse, ByteBuffer)
  }

  /// What is read of the body of an answer other than 101.
  public static let refusalBytes: Int = 64 * 1024

  /// Sends the request with its fields as they are (`connection` and `upgrade` among them). Throws `.protocolViolation` for an answer
  /// that is not HTTP/1.1, `.timeout` when none comes within `timeout`.
  public static func upgrade(
    _ stream: DuplexStream, _ request: HTTPRequest, timeout: Duration = .seconds(30), limits: HTTPLimits = HTTPLimits()
  ) async throws -> Outcome {
    var head: String = "\(request.method.rawValue) \(request.path ?? "/") HTTP/1.1\r\nhost: \(request.authority ?? "localhost")\r\n"
    for field in request.headerFields { head += "\(field.name.canonicalName): \(field.value)\r\n" }
    if request.method == .post { head += "content-length: 0\r\n" }
    try await stream.write(ByteBuffer(string: head + "\r\n"))
    return try await withThrowingTaskGroup(of: Outcome.self) { group in
      group.addTask { try await answer(stream, limits) }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw HTTPError(.timeout, "\(stream.remoteAddress) did not answer an upgrade within \(timeout).")
      }
      defer { group.cancelAll() }
      guard let first: Outcome = try await group.next() else { preconditionFailure("a group of two tasks is empty") }
      return first
    }
  }

  private static func answer(_ stream: DuplexStream, _ limits: HTTPLimits) async throws -> Outcome {
    var seen = ByteBuffer()
    while true {
      guard var bytes: ByteBuffer = try await stream.read() else {
        throw HTTPError(.connectionLost, "\(stream.remoteAddress) closed the connection before it answered an upgrade.")
      }
      seen.writeBuffer(&bytes)
      guard let end: Int = headEnd(seen) else {
        guard seen.readableBytes <= limits.headerBytes else {
          throw HTTPError(.protocolViolation, "The head of \(stream.remoteAddress)'s answer is larger than \(limits.headerBytes) bytes.")
        }
        continue
      }
      guard let text: String = seen.readString(length: end), let response: HTTPResponse = parse(text) else {
        throw HTTPError(.protocolViolation, "\(stream.remoteAddress) does not answer in HTTP/1.1.")
      }
      // An informational answer is followed by the real one.
      if response.status.code == 100 { continue }
      if response.status.code == 101 {
        stream.unread(seen)
        return .switched(response, stream)
      }
      return .refused(response, try await rest(stream, response, seen))
    }
  }

  private static func rest(_ stream: DuplexStream, _ response: HTTPResponse, _ begun: ByteBuffer) async throws -> ByteBuffer {
    var body: ByteBuffer = begun
    let length: Int = response.headerFields[.contentLength].flatMap { Int($0) } ?? .max
    while body.readableBytes < min(length, refusalBytes), var more: ByteBuffer = try await stream.read() { body.writeBuffer(&more) }
    await stream.close()
    return body.readSlice(length: min(body.readableBytes, length, refusalBytes)) ?? ByteBuffer()
  }

  /// Bytes up to and with the empty line.
  static func headEnd(_ buffer: ByteBuffer) -> Int? {
    let view: ByteBufferView = buffer.readableBytesView
    var lineLength: Int = 0
    for (offset, byte) in view.enumerated() {
      if byte == 10 {
        if lineLength == 0 { return offset + 1 }
        lineLength = 0
      } else if byte != 13 {
        lineLength += 1
      }
    }
    return nil
  }

  static func parse(_ text: String) -> HTTPResponse? {
    let lines: [Substring] = text.split(omittingEmptySubsequences: true) { $0 == "\r\n" || $0 == "\n" }
    let words: [Substring] = (lines.first ?? "").split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let code = Int(words[1]), (100...599).contains(code) else { return nil }
    var response = HTTPResponse(status: .init(code: code))
    for line in lines.dropFirst() {
      guard let colon: Substring.Index = line.firstIndex(of: ":"), let name = HTTPField.Name(String(line[..<colon])) else { return nil }
      let value: Substring = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      response.headerFields.append(HTTPField(name: name, value: String(value)))
    }
    return response
  }
}
