import HTTP
import HTTPTypes
import Keyspace
import NIOCore
import Observability
import Primitives

/// etcd's endpoints without gRPC. `/health` makes a linearizable read, as etcd's does: it is well when a quorum answers.
struct EtcdPlainResponder: Responder {
  let service: EtcdService
  let metrics: PrometheusRegistry

  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let path: Substring = (request.head.path ?? "/").prefix { $0 != "?" }
    guard request.head.method == .get || request.head.method == .head else {
      return try await response.respond(
        .methodNotAllowed, contentType: "text/plain; charset=utf-8", ByteBuffer(string: "Method Not Allowed\n"))
    }
    switch path {
    case "/version":
      let version: String = EtcdService.version
      try await json(response, .ok, #"{"etcdserver":"\#(version)","etcdcluster":"\#(version)","storage":"\#(version)"}"#)
    case "/health", "/readyz":
      let reason: String? = await unhealthy(String((request.head.path ?? "").drop { $0 != "?" }.dropFirst()))
      let status: HTTPResponse.Status = reason == nil ? .ok : .serviceUnavailable
      if path == "/readyz" { return try await text(response, status, reason ?? "ok") }
      let quoted: String = (reason ?? "").replacing("\"", with: "'")
      try await json(response, status, #"{"health":"\#(reason == nil ? "true" : "false")","reason":"\#(quoted)"}"#)
    case "/livez": try await text(response, .ok, "ok")
    case "/metrics":
      try await response.respond(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: metrics.text()))
    default: try await text(response, .notFound, "404 page not found\n")
    }
  }

  private func unhealthy(_ query: String) async -> String? {
    let reason: String? = await reason(query.split(separator: "&").map(String.init))
    if reason == nil { service.metrics.healthSuccesses.increment() } else { service.metrics.healthFailures.increment() }
    return reason
  }

  /// `exclude=NOSPACE` passes over an alarm, `serializable=true` asks this member alone, as in etcd.
  private func reason(_ query: [String]) async -> String? {
    for alarm in service.settings.current().alarms.raised where !query.contains("exclude=\(alarm.kind.name)") {
      return "ALARM \(alarm.kind.name)"
    }
    let serializable: Bool = query.contains("serializable=true")
    guard serializable || service.directory.leader != nil else { return "RAFT NO LEADER" }
    do {
      _ = try await service.store.range(RangeRequest(key: Bytes("health"), serializable: serializable))
      return nil
    } catch {
      return "RANGE ERROR:\(EtcdError.status(error).message)"
    }
  }

  private func json(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "application/json", ByteBuffer(string: body))
  }

  private func text(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: body))
  }
}
