import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives
import TLS

/// Requests that go on to the kubelet of the pod's node: logs, exec, attach, port-forward. Nothing is kept on the way: bytes are handed on
/// as fast as the other side takes them.
///
///     kubectl ══ upgraded connection ══ apiserver ══ upgraded connection, mutual TLS ══ kubelet ══ containerd
enum PodStream: String, Sendable {
  case log
  case exec
  case attach
  case portForward = "portforward"

  /// Verb that authorization asks for: who opens a stream into a container changes something, whatever its HTTP method
  /// (k8s 1.35, AuthorizePodWebsocketUpgradeCreatePermission).
  var verb: String { self == .log ? "get" : "create" }
}

extension Handlers {
  func podStream(_ kind: PodStream, _ context: RequestContext, through response: any ResponseWriter) async throws {
    let info: RequestInfo = context.info
    guard let found: StoredObject = try await storage.get(catalog.pods, catalog.pods.path(namespace: info.namespace, name: info.name))
    else { throw KubeStatus.notFound(.pods, name: info.name) }
    let pod: KubeObject = try found.object()
    var target: String = "/\(kind == .log ? "containerLogs" : kind == .portForward ? "portForward" : kind.rawValue)"
    target += "/\(pod.namespace)/\(pod.name)"
    if kind != .portForward { target += "/\(try container(of: pod, info))" }
    target += try query(kind, info)
    let node: NodePlace = try await place(of: pod)
    guard let tls: TLSContext = configuration.kubeletTLS else {
      throw KubeStatus.unavailable("this apiserver has no client certificate for kubelets, so it cannot reach node \(node.name)")
    }
    if kind == .log { return try await sendLog(target, node, tls, through: response) }
    guard let offer: UpgradeOffer = context.request.upgrade else { throw KubeStatus.badRequest("Upgrade request required") }
    logger.notice(
      "stream into a pod",
      metadata: ["kind": "\(kind.rawValue)", "pod": "\(pod.namespace)/\(pod.name)", "user": "\(context.user.name)", "node": "\(node.name)"])
    try await splice(target, node, tls, context.request.head, offer)
  }

  // MARK: What is asked

  /// The one that is named, the only one, or the one that the pod declares as default (k8s: kubectl.kubernetes.io/default-container is
  /// resolved by clients; the API asks for a name).
  private func container(of pod: KubeObject, _ info: RequestInfo) throws -> String {
    let names: [String] = pod.spec["containers"].array.compactMap { $0["name"].string }
    let initial: [String] = pod.spec["initContainers"].array.compactMap { $0["name"].string }
    if let wanted: String = info.query["container"] {
      guard names.contains(wanted) || initial.contains(wanted) else {
        throw KubeStatus.badRequest("container \(wanted) is not valid for pod \(pod.name)")
      }
      return wanted
    }
    if names.count == 1 { return names[0] }
    var text: String = "a container name must be specified for pod \(pod.name), choose one of: [\(names.joined(separator: " "))]"
    if !initial.isEmpty { text += " or one of the init containers: [\(initial.joined(separator: " "))]" }
    throw KubeStatus.badRequest(text)
  }

  /// Only what the kubelet knows goes on, in its words; anything else is not passed.
  private func query(_ kind: PodStream, _ info: RequestInfo) throws -> String {
    var pairs: [(String, String)] = []
    switch kind {
    case .log:
      for name in ["tailLines", "sinceSeconds", "limitBytes"] {
        guard let number: Int64 = try info.query.integer(name) else { continue }
        let least: Int64 = name == "tailLines" ? 0 : 1
        guard number >= least else {
          let complaint: FieldError = .invalid(FieldPath(name), .int(number), "must be greater than or equal to \(least)")
          throw KubeStatus.invalid(group: "", kind: "PodLogOptions", name: "", [complaint])
        }
        pairs.append((name, String(number)))
      }
      if let time: String = info.query["sinceTime"] {
        guard WallTime(rfc3339: time) != nil else { throw KubeStatus.badRequest("sinceTime must be a time such as 2026-11-22T22:15:00Z") }
        guard info.query["sinceSeconds"] == nil else {
          throw KubeStatus.badRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
        }
        pairs.append(("sinceTime", time))
      }
      for name in ["follow", "previous", "timestamps"] where info.query.has(name) && info.query.flag(name) { pairs.append((name, "true")) }
      if let stream: String = info.query["stream"], stream != "All" {
        throw KubeStatus.badRequest("only the stream All of a log is served, not \(stream)")
      }
    case .exec, .attach:
      for (theirs, ours) in [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")]
      where info.query.has(theirs) && info.query.flag(theirs) { pairs.append((ours, "1")) }
      if kind == .exec { pairs += info.query.all("command").map { ("command", $0) } }
    case .portForward: pairs = info.query.all("ports").map { ("port", $0) }
    }
    guard !pairs.isEmpty else { return "" }
    return "?" + pairs.map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(separator: "&")
  }

  struct NodePlace: Sendable {
    var name: String
    var address: String
    var port: Int
  }

  private func place(of pod: KubeObject) async throws -> NodePlace {
    guard let name: String = pod.spec["nodeName"].string, !name.isEmpty else {
      throw KubeStatus.badRequest("pod \(pod.name) does not have a host assigned")
    }
    guard let found: StoredObject = try await storage.get(catalog.nodes, catalog.nodes.path(namespace: "", name: name)) else {
      throw KubeStatus.notFound(.nodes, name: name)
    }
    let status: JSONValue = try found.object().status
    guard let address: String = status["addresses"].array.first(where: { $0["type"].string == "InternalIP" })?["address"].string else {
      throw KubeStatus.unavailable("node \(name) has not said at which address its kubelet listens")
    }
    return NodePlace(name: name, address: address, port: Int(status["daemonEndpoints"]["kubeletEndpoint"]["Port"].int ?? 10_250))
  }

  // MARK: On to the kubelet

  private func sendLog(_ target: String, _ node: NodePlace, _ tls: TLSContext, through response: any ResponseWriter) async throws {
    var settings = HTTPClientConfiguration(targets: [.host(node.address, port: node.port)], tls: tls, logger: logger)
    settings.connectTimeout = limits.kubeletConnect
    settings.responseTimeout = limits.kubeletAnswer
    settings.http1Connections = 1
    let client = HTTPClient(settings)
    defer { client.close() }
    let answer: ClientResponse
    do {
      let request = HTTPRequest(method: .get, scheme: "https", authority: "\(node.address):\(node.port)", path: target)
      answer = try await client.execute(request, body: nil)
    } catch let error as HTTPError {
      throw unreachable(node, error)
    }
    guard answer.head.status == .ok else {
      let body: ByteBuffer = (try? await answer.body.collect(upTo: UpgradeClient.refusalBytes)) ?? ByteBuffer()
      throw refusal(answer.head.status.code, body)
    }
    var head = HTTPResponse(status: .ok)
    head.headerFields[.contentType] = "text/plain"
    head.headerFields[.cacheControl] = "no-cache, private"
    try await response.send(head)
    while let bytes: ByteBuffer = try await answer.body.next() { try await response.write(bytes) }
    try await response.finish()
  }

  /// Fields that make an upgrade; a client's credentials and cookies are not the kubelet's business.
  private static let carried: [HTTPField.Name] = [
    "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "X-Stream-Protocol-Version",
  ].compactMap { HTTPField.Name($0) }

  private func splice(_ target: String, _ node: NodePlace, _ tls: TLSContext, _ head: HTTPRequest, _ offer: UpgradeOffer) async throws {
    var request = HTTPRequest(method: head.method, scheme: "https", authority: "\(node.address):\(node.port)", path: target)
    // A field of one connection, so the client's was not passed on by who read it.
    request.headerFields[HTTPField.Name("Connection")!] = "Upgrade"
    for name in Self.carried {
      for value in head.headerFields[values: name] { request.headerFields.append(HTTPField(name: name, value: value)) }
    }
    let outcome: UpgradeClient.Outcome
    do {
      let stream: DuplexStream = try await DuplexConnector.connect(
        to: .host(node.address, port: node.port), tls: tls, timeout: limits.kubeletConnect)
      outcome = try await UpgradeClient.upgrade(stream, request, timeout: limits.kubeletAnswer)
    } catch let error as HTTPError {
      throw unreachable(node, error)
    }
    switch outcome {
    case .refused(let answer, let body): throw refusal(answer.status.code, body)
    case .switched(let answer, let stream):
      let client: DuplexStream = try await offer.accept(answer)
      await client.splice(with: stream)
    }
  }

  private func unreachable(_ node: NodePlace, _ error: HTTPError) -> KubeStatus {
    logger.warning("a kubelet was not reached", metadata: ["node": "\(node.name)", "error": "\(error)"])
    return .internalError("the kubelet of node \(node.name) at \(node.address):\(node.port) cannot be reached: \(error.message)")
  }

  /// What the kubelet said, as a Status.
  private func refusal(_ code: Int, _ body: ByteBuffer) -> KubeStatus {
    if let json: JSONValue = try? body.withUnsafeReadableBytes({ try JSONValue.parse($0) }), let status = KubeStatus(json: json) {
      return status
    }
    let text: String = String(String(buffer: body).prefix(1_000)).split(separator: "\n").joined(separator: " ")
    switch code {
    case 400: return .badRequest(text)
    case 404: return KubeStatus(code: 404, reason: "NotFound", message: text)
    // Our own certificate was refused: not the client's doing.
    case 401, 403: return .internalError("the kubelet does not take this apiserver's certificate: \(text)")
    default: return KubeStatus(code: code, reason: "InternalError", message: text)
    }
  }
}
