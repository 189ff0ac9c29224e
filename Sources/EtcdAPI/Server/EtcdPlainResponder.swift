import HTTP
import HTTPTypes
import Keyspace
import NIOCore
import Observability
import Primitives

/// etcd's endpoints without gRPC; `/livez` and `/readyz` are `EtcdHealth`.
/// `/health` makes a linearizable read, as etcd's does: it is well when a quorum answers.
struct EtcdPlainResponder: Responder {
  let service: EtcdService
  let metrics: PrometheusRegistry

  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let path: Substring = (request.head.path ?? "/").prefix { $0 != "?" }
    let query: [String] = (request.head.path ?? "").drop { $0 != "?" }.dropFirst().split(separator: "&").map(String.init)
    let health: (kind: EtcdHealth.Kind, checks: [EtcdHealth.Check])? = EtcdHealth.wanted(path, query)
    guard health != nil || ["/version", "/health", "/metrics"].contains(path) else {
      return try await text(response, .notFound, "404 page not found\n")
    }
    guard request.head.method == .get || request.head.method == .head else {
      return try await response.respond(
        .methodNotAllowed, contentType: "text/plain; charset=utf-8", ByteBuffer(string: "Method Not Allowed\n"))
    }
    if let (kind, checks) = health {
      let (isWell, lines): (Bool, String) = await EtcdHealth(service: service).run(kind, checks)
      // What failed is always said, the rest to who asks for it.
      guard isWell else { return try await text(response, .serviceUnavailable, lines) }
      let isVerbose: Bool = query.contains { $0 == "verbose" || $0.hasPrefix("verbose=") }
      return try await text(response, .ok, (isVerbose ? lines : "") + "ok\n")
    }
    switch path {
    case "/version":
      let version: String = EtcdService.version
      try await json(response, .ok, #"{"etcdserver":"\#(version)","etcdcluster":"\#(version)","storage":"\#(version)"}"#)
    case "/health":
      let reason: String? = await unhealthy(query)
      let status: HTTPResponse.Status = reason == nil ? .ok : .serviceUnavailable
      let quoted: String = (reason ?? "").replacing("\"", with: "'")
      try await json(response, status, #"{"health":"\#(reason == nil ? "true" : "false")","reason":"\#(quoted)"}"#)
    default:
      service.metrics.record(service.settings.current())
      try await response.respond(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: metrics.text()))
    }
  }

  private func unhealthy(_ query: [String]) async -> String? {
    let reason: String? = await reason(query)
    if reason == nil { service.metrics.healthSuccesses.increment() } else { service.metrics.healthFailures.increment() }
    return reason
  }

  /// `exclude=NOSPACE` passes over an alarm, `serializable=true` asks this member alone, as in etcd.
  private func reason(_ query: [String]) async -> String? {
    for alarm in service.alarms.raised where !query.contains("exclude=\(alarm.kind.name)") {
      return "ALARM \(alarm.kind.name)"
    }
    let serializable: Bool = query.contains("serializable=true")
    guard serializable || service.directory.leader != nil else { return "RAFT NO LEADER" }
    return await EtcdHealth(service: service).readProblem(serializable: serializable).map { "RANGE ERROR:\($0)" }
  }

  private func json(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "application/json", ByteBuffer(string: body))
  }

  private func text(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: body))
  }
}
