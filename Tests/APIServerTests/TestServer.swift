import HTTP
import HTTPTypes
import KubeModel
import Keyspace
import Logging
import NIOCore
import Primitives
import TLS
import Testing

@testable import APIServer

/// An answer read whole.
struct Answer: Sendable {
  var status: Int
  var fields: HTTPFields
  var body: JSONValue
  var text: String
  var object: KubeObject { KubeObject(body) }
  var reason: String { body["reason"].string ?? "" }
  var message: String { body["message"].string ?? "" }
}

/// A server on a keyspace in this process, and ways to ask it.
struct TestServer: Sendable {
  let store: LocalKeyspace
  let server: APIServer
  let transport: InProcessTransport
  static let admin = PeerIdentity(commonName: "admin", organizations: ["system:masters"])

  /// - Parameter over: what the server sees of the store, where that is something else.
  init(
    store: LocalKeyspace = LocalKeyspace(), over: (any KeyValueStore)? = nil, peer: PeerIdentity? = TestServer.admin,
    limits: APIServerLimits = APIServerLimits(),
    range: String = "10.96.0.0/16", seed: UInt64 = 1
  ) {
    self.store = store
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    server = APIServer(
      configuration: APIServerConfiguration(serviceRange: IPv4Range(range)!, seed: seed, limits: limits, logger: logger),
      store: over ?? store)
    transport = InProcessTransport(responder: server, peer: peer)
  }

  /// A started server; stopped when `body` is over.
  static func run(
    store: LocalKeyspace = LocalKeyspace(), over: (any KeyValueStore)? = nil, limits: APIServerLimits = APIServerLimits(),
    range: String = "10.96.0.0/16", seed: UInt64 = 1, _ body: (TestServer) async throws -> Void
  ) async throws {
    let test = TestServer(store: store, over: over, limits: limits, range: range, seed: seed)
    try await test.server.start()
    do { try await body(test) } catch {
      test.server.stop()
      throw error
    }
    test.server.stop()
  }

  /// A server that a test made itself.
  static func around(_ server: APIServer) -> TestServer { TestServer(store: LocalKeyspace(), server: server, peer: admin) }
  func asked(by peer: PeerIdentity?) -> TestServer { TestServer(store: store, server: server, peer: peer) }
  private init(store: LocalKeyspace, server: APIServer, peer: PeerIdentity?) {
    self.store = store
    self.server = server
    transport = InProcessTransport(responder: server, peer: peer)
  }

  func open(
    _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, text: String? = nil, type: String = "application/json",
    accept: String? = nil
  ) async throws -> ClientResponse {
    var head = HTTPRequest(method: method, scheme: "https", authority: "test", path: path)
    head.headerFields[.userAgent] = "test/1"
    var bytes: ByteBuffer?
    if let body { bytes = ByteBuffer(bytes: body.serialized()) }
    if let text { bytes = ByteBuffer(string: text) }
    if bytes != nil { head.headerFields[.contentType] = type }
    if let accept { head.headerFields[.accept] = accept }
    return try await transport.execute(head, body: bytes)
  }

  @discardableResult
  func ask(
    _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, text: String? = nil, type: String = "application/json",
    accept: String? = nil
  ) async throws -> Answer {
    let response: ClientResponse = try await open(method, path, body, text: text, type: type, accept: accept)
    let whole: ByteBuffer = try await response.body.collect(upTo: 64 * 1024 * 1024)
    let json: JSONValue = (try? JSONValue.parse(Bytes(whole.readableBytesView), maximumBytes: 64 * 1024 * 1024)) ?? .null
    return Answer(status: response.head.status.code, fields: response.head.headerFields, body: json, text: String(buffer: whole))
  }

  func watch(_ path: String, accept: String? = nil) async throws -> TestWatch {
    TestWatch(try await open(.get, path, accept: accept))
  }
}

/// A watch's events, one by one.
final class TestWatch {
  let status: Int
  private let body: any RequestBody
  private var rest = ByteBuffer()
  init(_ response: ClientResponse) {
    status = response.head.status.code
    body = response.body
  }

  /// Nil at the end.
  func next() async throws -> (type: String, object: KubeObject)? {
    guard let line: [UInt8] = try await line() else { return nil }
    let event: JSONValue = try JSONValue.parse(line)
    return (event["type"].string ?? "", KubeObject(event["object"]))
  }

  func line() async throws -> [UInt8]? {
    while true {
      if let end: Int = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
        let line: [UInt8] = rest.readBytes(length: end - rest.readerIndex + 1)
      {
        return line
      }
      guard var part: ByteBuffer = try await body.next() else { return nil }
      rest.discardReadBytes()
      rest.writeBuffer(&part)
    }
  }

  /// `TYPE name` of the next events.
  func take(_ count: Int) async throws -> [String] {
    var seen: [String] = []
    while seen.count < count, let (type, object) = try await next() { seen.append("\(type) \(object.name)") }
    return seen
  }
}

func configMap(_ name: String, _ data: [String: String] = [:], labels: [String: String] = [:]) -> JSONValue {
  var object: JSONValue = ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["name": .string(name)], "data": JSONValue(data)]
  if !labels.isEmpty { object["metadata"]["labels"] = JSONValue(labels) }
  return object
}

func pod(_ name: String, labels: [String: String] = ["app": "web"]) -> JSONValue {
  [
    "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name), "labels": JSONValue(labels)],
    "spec": ["containers": [["name": "web", "image": "shop/web:1"]]],
  ]
}
