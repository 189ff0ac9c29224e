import Glibc
import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Observability
import Primitives
import TLS

/// The kubelet's own server (10250): health, metrics, pods, and what goes into containers and comes out of them. The listener asks for a
/// client certificate; who may come in is decided here. Logs, exec, attach and port-forward are for the apiserver alone, which has asked
/// who the user is and what he may do.
public struct KubeletResponder: Responder {
  let kubelet: Kubelet
  private let health: HealthRegistry
  private let metrics: PrometheusRegistry
  let clock: any TimeSource
  let streams = StreamCount()
  /// Common names of the apiserver's client certificate.
  public var apiservers: Set<String> = ["system:apiserver"]
  /// Organizations of client certificates that may read pods and metrics.
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
    case "containerLogs" where parts.count == 4, "exec" where parts.count == 4, "attach" where parts.count == 4,
      "portForward" where parts.count == 3:
      guard let peer: PeerIdentity = request.peer, apiservers.contains(peer.commonName) else {
        return try await text(response, .forbidden, "Only the apiserver may ask for this; ask it.\n")
      }
      try await contained(parts.map(String.init), split.count > 1 ? split[1] : "", request, response)
    case "run", "cri", "debug":
      try await text(
        response, .notImplemented,
        "\(parts[0]) is not supported by this kubelet (\(KubeletConfiguration.version)); logs, exec, attach, port-forward are.\n")
    default: try await text(response, .notFound, "404 page not found\n")
    }
  }

  private func isAllowed(_ peer: PeerIdentity?) -> Bool {
    guard let peer else { return false }
    if apiservers.contains(peer.commonName) || !allowedGroups.isDisjoint(with: peer.organizations) { return true }
    return peer.uris.contains { $0.hasPrefix("tricenter://") }
  }

  func text(_ response: any ResponseWriter, _ status: HTTPResponse.Status, _ body: String) async throws {
    try await response.respond(status, contentType: "text/plain; charset=utf-8", ByteBuffer(string: body))
  }

  static func query(_ text: Substring) -> [String: String] { Dictionary(pairs(text), uniquingKeysWith: { $1 }) }

  /// In order; `command` comes once per word.
  static func pairs(_ text: Substring) -> [(String, String)] {
    text.split(separator: "&").map { pair in
      let parts: [Substring] = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (unescape(parts[0]), parts.count > 1 ? unescape(parts[1]) : "")
    }
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
}
