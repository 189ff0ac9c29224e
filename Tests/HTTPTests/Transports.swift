import Glibc
import HTTP
import HTTPTypes
import Logging
import NIOCore
import Testing

/// The ways a request reaches a `Responder`; one test body runs over all of them.
enum Way: String, CaseIterable, Sendable, CustomTestStringConvertible {
  /// HTTP/2 by our own codec, the last by NIOHTTP2.
  case inProcess, http1, http2, unixHTTP2, unixHTTP1, nioHTTP2
  var testDescription: String { rawValue }
}

struct World {
  let transport: any HTTPTransport
  let client: HTTPClient?
  let server: HTTPServer?
  let responder: EchoResponder
}

func temporarySocket() -> String { "/tmp/tricenter-http-\(getpid())-\(UInt64.random(in: 0 ... .max)).sock" }

func quiet(_ label: String) -> Logger {
  var logger = Logger(label: label)
  logger.logLevel = .critical
  return logger
}

func withWorld<Result>(_ way: Way, limits: HTTPLimits = HTTPLimits(), _ body: (World) async throws -> Result) async throws -> Result {
  let responder = EchoResponder()
  let path: String = temporarySocket()
  let address: HTTPServerConfiguration.Address
  switch way {
  case .inProcess:
    return try await body(
      World(
        transport: InProcessTransport(responder: responder, peer: nil, limits: limits, logger: quiet("in-process")), client: nil,
        server: nil,
        responder: responder))
  case .http1, .http2, .nioHTTP2: address = .host("127.0.0.1", port: 0)
  case .unixHTTP1, .unixHTTP2: address = .unix(path: path)
  }
  var configuration = HTTPServerConfiguration(address: address, limits: limits, logger: quiet("server"), grace: .milliseconds(200))
  configuration.http2 = way == .nioHTTP2 ? .nio : .own
  // A machine busy with other things must not look like a slow client; `AbuseTests` are about those.
  configuration.limits.headTimeout = .seconds(120)
  configuration.limits.bodyTimeout = .seconds(120)
  configuration.limits.keepAliveTimeout = .seconds(120)
  let server = HTTPServer(configuration, responder: responder)
  try await server.start()
  let target: HTTPClientConfiguration.Target = server.port.map { .host("127.0.0.1", port: $0) } ?? .unix(path: path)
  let version: HTTPClientConfiguration.Version = way == .http1 || way == .unixHTTP1 ? .http1 : .http2
  let client = HTTPClient(patient: HTTPClientConfiguration(targets: [target], version: version, limits: limits, logger: quiet("client")))
  do {
    let result: Result = try await body(World(transport: client, client: client, server: server, responder: responder))
    client.close()
    await server.shutdown()
    return result
  } catch {
    client.close()
    await server.shutdown()
    throw error
  }
}

func request(_ method: HTTPRequest.Method = .get, _ path: String, fields: HTTPFields = [:]) -> HTTPRequest {
  HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: fields)
}

extension RequestBody {
  func text() async throws -> String { String(buffer: try await collect(upTo: 1 << 20)) }
}

/// Looks until it holds; the deadline only bounds a failing test.
func eventually(_ what: String, within: Duration = .seconds(40), _ condition: () -> Bool) async throws {
  let start: ContinuousClock.Instant = .now
  while !condition() {
    guard ContinuousClock.now - start < within else { throw HTTPError(.timeout, "never happened: \(what)") }
    try await Task.sleep(for: .milliseconds(2))
  }
}

extension HTTPClient {
  /// For tests that are not about lost servers: a machine busy with other things must not look like one.
  convenience init(patient configuration: HTTPClientConfiguration) {
    var configuration: HTTPClientConfiguration = configuration
    configuration.connectTimeout = .seconds(60)
    configuration.keepAliveTimeout = .seconds(60)
    self.init(configuration)
  }
}
