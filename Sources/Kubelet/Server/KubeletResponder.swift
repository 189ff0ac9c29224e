import Glibc
import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Observability
import Primitives
import TLS

/// The kubelet's own server (10250): health, metrics, pods and container logs. The listener asks for a client certificate; who may
/// come in is decided here: members of `system:masters` and `system:nodes`, and the apiserver.
public struct KubeletResponder: Responder {
  private let kubelet: Kubelet
  private let health: HealthRegistry
  private let metrics: PrometheusRegistry
  private let clock: any TimeSource
  /// Organizations of client certificates that may read pods and logs.
  public var allowedGroups: Set<String> = ["system:masters", "system:nodes", "system:kube-apiserver", "tricenter:daemons"]

  public init(
    kubelet: Kubelet, health: HealthRegistry, metrics: PrometheusRegistry = .shared, clock: any TimeSource = SystemClock()
  ) {
    self.kubelet = kubelet
    self.health = health
    self.metrics = metrics
    self.clock = clock
  }

  public func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let whole: Substring = (request.head.path ?? "/")[...]
    let split: [Substring] = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path: Substring = split[0]
    let query: [String: String] = Self.query(split.count > 1 ? split[1] : "")
    switch path {
    case "/healthz", "/livez", "/readyz":
      let report: (healthy: Bool, text: String) = await health.report(liveOnly: path == "/livez")
      return try await text(
        response, report.healthy ? .ok : .internalServerError, query["verbose"] == nil && report.healthy ? "ok" : report.text)
    default: break
    }
    guard isAllowed(request.peer) else {
      return try await text(
        response, request.peer == nil ? .unauthorized : .forbidden,
        "A client certificate of the federation's daemons or administrators is needed.\n")
    }
    let parts: [Substring] = path.split(separator: "/")
    switch parts.first {
    case "metrics" where parts.count == 1: try await text(response, .ok, metrics.text())
    case "pods" where parts.count == 1:
      let list: JSONValue = ["kind": "PodList", "apiVersion": "v1", "metadata": [:], "items": .array(await kubelet.podList().map(\.json))]
      try await response.respond(.ok, contentType: "application/json", ByteBuffer(bytes: list.serialized()))
    case "containerLogs" where parts.count == 4:
      try await logs(String(parts[1]), String(parts[2]), String(parts[3]), query, response)
    case "exec", "attach", "portForward", "run", "cri", "debug":
      try await text(
        response, .notImplemented,
        "\(parts[0]) is not supported by this kubelet (\(KubeletConfiguration.version)); logs, pods and metrics are.\n")
    default: try await text(response, .notFound, "404 page not found\n")
    }
  }

  private func isAllowed(_ peer: PeerIdentity?) -> Bool {
    guard let peer else { return false }
    if !allowedGroups.isDisjoint(with: peer.organizations) { return true }
    return peer.uris.contains { $0.hasPrefix("tricenter://") }
  }

  private func text(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: body))
  }

  static func query(_ text: Substring) -> [String: String] {
    var values: [String: String] = [:]
    for pair in text.split(separator: "&") {
      let parts: [Substring] = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[unescape(parts[0])] = parts.count > 1 ? unescape(parts[1]) : ""
    }
    return values
  }
  private static func unescape(_ text: Substring) -> String {
    var bytes: Bytes = []
    let raw: Bytes = Bytes(text.utf8)
    var index: Int = 0
    while index < raw.count {
      if raw[index] == 37, index + 2 < raw.count, let value = UInt8(Bytes(raw[index + 1...index + 2]).text, radix: 16) {
        bytes.append(value)
        index += 3
      } else {
        bytes.append(raw[index] == 43 ? 32 : raw[index])
        index += 1
      }
    }
    return bytes.text
  }

  private func options(_ query: [String: String]) -> ContainerLog.Options {
    var options = ContainerLog.Options()
    options.follow = query["follow"] == "true"
    options.timestamps = query["timestamps"] == "true"
    options.previous = query["previous"] == "true"
    options.tailLines = query["tailLines"].flatMap { Int($0) }
    options.limitBytes = query["limitBytes"].flatMap { Int($0) }
    options.sinceTime = query["sinceTime"].flatMap { WallTime(rfc3339: $0) }
    if let seconds = query["sinceSeconds"].flatMap({ Int64($0) }) {
      options.sinceTime = WallTime(secondsSince1970: clock.wall().secondsSince1970 - seconds)
    }
    return options
  }

  private func logs(
    _ namespace: String, _ pod: String, _ container: String, _ query: [String: String], _ response: any ResponseWriter
  ) async throws {
    let options: ContainerLog.Options = options(query)
    if kubelet.isRuntimeSimulated {
      return try await text(response, .notImplemented, "Pods of this node are simulated: there are no containers and no logs.\n")
    }
    guard let path: String = await kubelet.logFile(namespace: namespace, pod: pod, container: container, previous: options.previous) else {
      return try await text(response, .notFound, "container \"\(container)\" in pod \"\(pod)\" is not available\n")
    }
    var head = HTTPResponse(status: .ok)
    head.headerFields[.contentType] = "text/plain; charset=utf-8"
    try await response.send(head)
    try await LogSender(path: path, options: options, kubelet: kubelet, place: (namespace, pod, container)).send(to: response)
    try await response.finish()
  }
}
