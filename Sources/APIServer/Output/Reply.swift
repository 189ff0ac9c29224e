import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives

/// A whole answer.
struct Reply: Sendable {
  var status: Int = 200
  var contentType: String = "application/json"
  var body: ByteBuffer
  /// Texts for `Warning` fields (RFC 9110's predecessor RFC 7234 section 5.5, code 299, as Kubernetes uses it).
  var warnings: [String] = []
  var fields: [(HTTPField.Name, String)] = []

  init(status: Int = 200, _ json: JSONValue) {
    self.status = status
    body = ByteBuffer(bytes: json.serialized())
  }
  init(status: Int = 200, contentType: String = "application/json", body: ByteBuffer) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
  init(text: String, status: Int = 200) {
    self.status = status
    contentType = "text/plain; charset=utf-8"
    body = ByteBuffer(string: text)
  }
  init(_ refusal: ExpiredContinuation) { self.init(status: 410, refusal.json) }
  init(_ error: KubeStatus) {
    self.init(status: error.code, error.json)
    if error.retryAfterSeconds > 0 { fields.append((HTTPField.Name("Retry-After")!, String(error.retryAfterSeconds))) }
  }

  func send(through response: any ResponseWriter, isHead: Bool) async throws {
    var head = HTTPResponse(status: .init(code: status))
    head.headerFields[.contentType] = contentType
    head.headerFields[.contentLength] = String(body.readableBytes)
    head.headerFields[.cacheControl] = "no-cache, private"  // unless the reply says otherwise
    for (name, value) in fields { head.headerFields[name] = value }
    for warning in warnings {
      let quoted: String = warning.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : $0.isNewline ? " " : String($0) }.joined()
      head.headerFields.append(HTTPField(name: HTTPField.Name("Warning")!, value: "299 - \"\(quoted)\""))
    }
    try await response.send(head)
    if !isHead, body.readableBytes > 0 { try await response.write(body) }
    try await response.finish()
  }
}
