import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives

extension KubeClient {
  /// One unary call with the server's `Retry-After` followed.
  func call(
    _ method: HTTPRequest.Method, _ target: RequestTarget, body: JSONValue? = nil, contentType: String = "application/json",
    what: String
  ) async throws -> KubeObject {
    let request: HTTPRequest = self.request(method, target, contentType: body == nil ? nil : contentType)
    let bytes: ByteBuffer? = body.map { ByteBuffer(bytes: $0.serialized()) }
    var retries: Int = followsRetryAfter ? KubeClientLimits.throttledRetries : 0
    while true {
      do {
        return try await withDeadline(requestTimeout, what: what) { try await self.exchange(request, bytes, what: what) }
      } catch let error as KubeError {
        guard retries > 0, let wait: Int64 = error.status?.retryAfterSeconds, wait <= KubeClientLimits.longestRetryAfterSeconds,
          error.code == .tooManyRequests || error.code == .unavailable
        else { throw error }
        retries -= 1
        try await Task.sleep(for: .seconds(max(wait, 1)))
      }
    }
  }

  func request(_ method: HTTPRequest.Method, _ target: RequestTarget, contentType: String?) -> HTTPRequest {
    var request = HTTPRequest(method: method, scheme: nil, authority: nil, path: target.text)
    request.headerFields[.accept] = "application/json"
    request.headerFields[.userAgent] = "tricenter/\(fieldManager)"
    if let contentType { request.headerFields[.contentType] = contentType }
    return request
  }

  private func exchange(_ request: HTTPRequest, _ body: ByteBuffer?, what: String) async throws -> KubeObject {
    do {
      let response: ClientResponse = try await transport.execute(request, body: body)
      let bytes: ByteBuffer = try await response.body.collect(upTo: KubeClientLimits.responseBytes)
      return KubeObject(try Self.document(response.head, bytes, what: what))
    } catch {
      throw KubeError.of(transport: error, what: what)
    }
  }

  /// The answer's document; throws what its status says unless that is a success.
  static func document(_ head: HTTPResponse, _ bytes: ByteBuffer, what: String) throws -> JSONValue {
    let success: Bool = (200..<300).contains(head.status.code)
    let document: JSONValue
    do {
      document = try bytes.withUnsafeReadableBytes { try JSONValue.parse($0, maximumBytes: KubeClientLimits.responseBytes) }
    } catch {
      guard success else {
        throw KubeError(status: head.status.code, body: .null, retryAfter: retryAfter(head), what: what)
      }
      throw KubeError(.malformedAnswer, "\(what): the answer of \(bytes.readableBytes) bytes is no JSON.", cause: error)
    }
    guard success else {
      throw KubeError(status: head.status.code, body: document, retryAfter: retryAfter(head), what: what)
    }
    return document
  }

  private static func retryAfter(_ head: HTTPResponse) -> Int64? {
    head.headerFields[.retryAfter].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
  }
}
