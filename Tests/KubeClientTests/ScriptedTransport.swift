import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Synchronization

/// A transport whose answers a test writes down: each request takes the next answer that its script gives.
final class ScriptedTransport: HTTPTransport {
  struct Answer: Sendable {
    var status: Int = 200
    var fields: [String: String] = [:]
    /// The body's pieces as they arrive.
    var parts: [String] = []
    /// Thrown after the parts; nil ends the body.
    var failure: HTTPError?
    /// Never ends: a watch on which nothing happens.
    var hangs: Bool = false
    init(_ status: Int = 200, fields: [String: String] = [:], _ parts: String..., failure: HTTPError? = nil, hangs: Bool = false) {
      self.status = status
      self.fields = fields
      self.parts = parts
      self.failure = failure
      self.hangs = hangs
    }
  }
  private struct State {
    var requests: [(head: HTTPRequest, body: String)] = []
  }
  private let state: Mutex<State> = Mutex(State())
  private let script: @Sendable (_ number: Int, HTTPRequest, _ body: String) throws -> Answer

  init(_ script: @escaping @Sendable (_ number: Int, HTTPRequest, _ body: String) throws -> Answer) { self.script = script }

  var requests: [String] { state.withLock { $0.requests.map { "\($0.head.method.rawValue) \($0.head.path ?? "")" } } }
  var bodies: [String] { state.withLock { $0.requests.map(\.body) } }

  func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    let text: String = body.map { String(buffer: $0) } ?? ""
    let number: Int = state.withLock { state in
      state.requests.append((request, text))
      return state.requests.count - 1
    }
    let answer: Answer = try script(number, request, text)
    var head = HTTPResponse(status: .init(code: answer.status))
    for (name, value) in answer.fields { head.headerFields[HTTPField.Name(name)!] = value }
    return ClientResponse(head: head, body: ScriptedBody(answer))
  }
}

final class ScriptedBody: RequestBody {
  private let parts: Mutex<[String]>
  private let answer: ScriptedTransport.Answer
  init(_ answer: ScriptedTransport.Answer) {
    self.answer = answer
    parts = Mutex(answer.parts)
  }
  func next() async throws -> ByteBuffer? {
    if let part: String = parts.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return ByteBuffer(string: part) }
    if let failure: HTTPError = answer.failure { throw failure }
    if answer.hangs { try await Task.sleep(for: .seconds(3600)) }
    return nil
  }
}

func pod(_ name: String, version: Int, uid: String = "u", labels: [String: String] = [:]) -> KubeObject {
  var pod = KubeObject([
    "apiVersion": "v1", "kind": "Pod",
    "metadata": ["name": .string(name), "namespace": "shop", "uid": .string(uid + name), "resourceVersion": .string(String(version))],
  ])
  if !labels.isEmpty { pod.json["metadata"]["labels"] = JSONValue(labels) }
  return pod
}

func line(_ type: String, _ object: KubeObject) -> String {
  (JSONValue.object(["type": .string(type), "object": object.json])).serialized().text + "\n"
}

func list(_ objects: [KubeObject], version: Int, next: String = "") -> String {
  JSONValue.object([
    "kind": "PodList", "apiVersion": "v1", "metadata": ["resourceVersion": .string(String(version)), "continue": .string(next)],
    "items": .array(objects.map(\.json)),
  ]).serialized().text
}
