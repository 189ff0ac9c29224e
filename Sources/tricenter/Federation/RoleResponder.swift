import Federation
import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives
import Site
import Store

/// Role URLs for load balancers, on a port of its own: `/active`, `/standby`, `/readiness?lag=`. `/active?namespace=NAME` asks for one
/// namespace, which may run elsewhere than the rest of the cluster. 200 says yes, 503 says no. TLS with this
/// host's certificate, no certificate asked for: a load balancer has none, and all that is told is what it would find out by trying.
struct RoleResponder: Responder {
  let setting: HostSetting
  let observer: ActivationObserver
  /// Nil: the store is another process, and nothing is known of how far it is behind.
  let store: Store?

  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let path: String = request.head.path ?? "/"
    guard [.get, .head, .options].contains(request.head.method) else {
      return try await answer(.methodNotAllowed, ["message": "GET, HEAD and OPTIONS are the only methods here."], request, response)
    }
    switch path.prefix(while: { $0 != "?" }) {
    case "/active":
      let isActive: Bool = Self.value("namespace", path).map { mayRun($0) } ?? isActive
      try await answer(isActive ? .ok : .serviceUnavailable, document, request, response)
    case "/standby": try await answer(obstacle == nil && !isActive ? .ok : .serviceUnavailable, document, request, response)
    case "/readiness":
      guard let limit: Duration = Self.limit(path) else {
        return try await answer(
          .badRequest, ["message": "lag must be a time such as lag=500ms or lag=2s."], request, response)
      }
      let isNear: Bool = lag.map { $0 <= limit } ?? false
      try await answer(obstacle == nil && isNear ? .ok : .serviceUnavailable, document, request, response)
    default: try await answer(.notFound, ["message": "Here are /active, /standby and /readiness?lag=TIME."], request, response)
    }
  }

  /// `lag=` of the query; without it a member may be a second behind.
  static func limit(_ path: String) -> Duration? {
    guard let lag: String = value("lag", path) else { return .seconds(1) }
    return Duration(siteText: lag)
  }

  /// Of the query; nil: it does not stand there.
  private static func value(_ name: String, _ path: String) -> String? {
    guard let query: Substring = path.split(separator: "?", maxSplits: 1).dropFirst().first else { return nil }
    for pair in query.split(separator: "&") {
      let parts: [Substring] = pair.split(separator: "=", maxSplits: 1)
      if let first = parts.first, first == name { return parts.count == 2 ? String(parts[1]) : "" }
    }
    return nil
  }

  private func mayRun(_ namespace: String) -> Bool {
    observer.view.mayRun(setting.center.name, namespace: namespace, at: SystemClock().now())
  }

  private var isActive: Bool { observer.isActive(setting.center.name) }

  /// What keeps this host from being a good standby; nil: nothing.
  private var obstacle: String? {
    let view: ActivationView = observer.view
    guard let read: MonotonicTime = view.lastReadBegan, SystemClock().now() - read < setting.site.activation.lease else {
      return "the activation has not been read for a lease"
    }
    if view.record?.center == setting.center.name, view.record?.handover != nil { return "it gives way" }
    return store?.health()
  }

  /// How far this host's store member is behind the leader; nil: not known.
  private var lag: Duration? {
    guard let status: StoreStatus = store?.status, status.leader != nil else { return nil }
    if status.isLeader { return .zero }
    return status.peers.first { $0.id == status.memberID }.map { .milliseconds(Int64($0.lagSeconds * 1_000)) }
  }

  private var document: JSONValue {
    let view: ActivationView = observer.view
    return [
      "center": .string(setting.center.name.value), "host": .string(setting.host.name.value), "cluster": .string(setting.cluster.name),
      "active": .bool(isActive), "activeCenter": view.record.map { .string($0.center.value) } ?? .null,
      "epoch": .int(view.record?.epoch ?? 0), "namespaces": view.record?.placementsJSON ?? [:],
      "lagMilliseconds": lag.map { .int($0.inNanoseconds / 1_000_000) } ?? .null, "obstacle": obstacle.map { .string($0) } ?? .null,
    ]
  }

  private func answer(
    _ status: HTTPResponse.Status, _ document: JSONValue, _ request: ServerRequest, _ response: any ResponseWriter
  ) async throws {
    let body = request.head.method == .get ? ByteBuffer(bytes: document.serialized()) : ByteBuffer()
    var head = HTTPResponse(status: status)
    head.headerFields[.contentType] = "application/json"
    head.headerFields[.contentLength] = String(body.readableBytes)
    head.headerFields[.cacheControl] = "no-store"
    try await response.send(head)
    if body.readableBytes > 0 { try await response.write(body) }
    try await response.finish()
  }
}
