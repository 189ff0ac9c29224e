import HTTPTypes
import NIOCore
import Observability

/// What every daemon tells about itself: `/metrics` (Prometheus text), `/livez`, `/readyz`, `/healthz`, `/version`. Paths that it does
/// not know go to `next`, or are 404.
public struct ObservabilityResponder: Responder {
  private let metrics: PrometheusRegistry
  private let health: HealthRegistry
  private let version: String
  private let next: (any Responder)?

  /// `version`: the JSON text that `/version` answers.
  public init(
    metrics: PrometheusRegistry = .shared, health: HealthRegistry, version: String = #"{"name":"tricenter"}"#, next: (any Responder)? = nil
  ) {
    self.metrics = metrics
    self.health = health
    self.version = version
    self.next = next
  }

  public func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let whole: String = request.head.path ?? "/"
    let parts: [Substring] = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path: Substring = parts[0]
    switch path {
    case "/metrics":
      guard try await readOnly(request, response) else { return }
      try await response.respond(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", ByteBuffer(string: metrics.text()))
    case "/version":
      guard try await readOnly(request, response) else { return }
      try await response.respond(.ok, contentType: "application/json", ByteBuffer(string: version))
    case "/livez", "/readyz", "/healthz":
      guard try await readOnly(request, response) else { return }
      let (healthy, report): (Bool, String) = await health.report(liveOnly: path == "/livez")
      let verbose: Bool =
        !healthy || (parts.count > 1 && parts[1].split(separator: "&").contains { $0 == "verbose" || $0.hasPrefix("verbose=") })
      try await response.respond(
        healthy ? .ok : .serviceUnavailable, contentType: "text/plain; charset=utf-8", ByteBuffer(string: verbose ? report : "ok"))
    default:
      if let next { return try await next.respond(to: request, through: response) }
      try await response.respond(.notFound, contentType: "text/plain; charset=utf-8", ByteBuffer(string: "404 page not found\n"))
    }
  }

  private func readOnly(_ request: ServerRequest, _ response: any ResponseWriter) async throws -> Bool {
    if request.head.method == .get || request.head.method == .head { return true }
    var head = HTTPResponse(status: .methodNotAllowed)
    head.headerFields[.allow] = "GET, HEAD"
    head.headerFields[.contentLength] = "0"
    try await response.send(head)
    try await response.finish()
    return false
  }
}
