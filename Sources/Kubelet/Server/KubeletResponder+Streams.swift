import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import NIOPosix
import Primitives

/// Exec, attach and port-forward. A client that speaks WebSocket has its channels translated into the runtime's streams; one that
/// speaks SPDY, which older kubectls do, is connected with the runtime byte by byte.
extension KubeletResponder {
  func contained(_ parts: [String], _ query: Substring, _ request: ServerRequest, _ response: any ResponseWriter) async throws {
    guard let worker: PodWorker = await kubelet.worker(namespace: parts[1], pod: parts[2]) else {
      return try await text(response, .notFound, "pod \(parts[1])/\(parts[2]) is not on this node\n")
    }
    if parts[0] == "containerLogs" { return try await logs(worker, parts[3], Self.query(query), response) }
    guard let offer: UpgradeOffer = request.upgrade else {
      return try await refuse(response, .badRequest("Upgrade request required"))
    }
    guard streams.enter() else {
      return try await refuse(
        response, .tooManyRequests("this node streams to \(KubeletLimits.streams) clients already, please try again later"))
    }
    defer { streams.leave() }
    let place: StreamingPlace
    let options: StreamOptions
    do {
      (place, options) = try await prepare(parts, query, worker)
    } catch let refusal as KubeStatus {
      return try await refuse(response, refusal)
    } catch let error as KubeletError {
      return try await refuse(response, error.code == .unsupported ? Self.unsupported(error.message) : .internalError(error.message))
    }
    do {
      if parts[0] == "portForward" {
        try await forward(place, request, offer, response)
      } else {
        try await command(place, options, request, offer, response)
      }
    } catch let error as KubeletError {
      // Before the upgrade the client can still be told; after it the bridge has.
      try? await refuse(response, .internalError(error.message))
    }
  }

  private static func unsupported(_ message: String) -> KubeStatus { KubeStatus(code: 501, reason: "NotImplemented", message: message) }

  private func refuse(_ response: any ResponseWriter, _ status: KubeStatus) async throws {
    try await response.respond(
      .init(code: status.code), contentType: "application/json", ByteBuffer(bytes: status.json.serialized()))
  }

  /// Asks the runtime, which gives what was asked for an address.
  private func prepare(_ parts: [String], _ query: Substring, _ worker: PodWorker) async throws -> (StreamingPlace, StreamOptions) {
    let pairs: [(String, String)] = Self.pairs(query)
    func flag(_ name: String) -> Bool { pairs.contains { $0.0 == name && ["1", "true"].contains($0.1) } }
    let options = StreamOptions(
      standardInput: flag("input"), standardOutput: flag("output"), standardError: flag("error"), terminal: flag("tty"))
    let runtime: any ContainerRuntime = kubelet.containerRuntime
    if parts[0] == "portForward" {
      guard let sandbox: String = await worker.lifecycle.sandboxID else { throw KubeStatus.badRequest("the pod has no network yet") }
      return (try await runtime.streamForward(to: sandbox, ports: pairs.filter { $0.0 == "port" }.compactMap { Int32($0.1) }), options)
    }
    guard let container: String = await worker.runningContainer(parts[3]) else {
      throw KubeStatus.badRequest("container \(parts[3]) of pod \(parts[2]) is not running")
    }
    guard !options.isEmpty else { throw KubeStatus.badRequest("you must specify at least 1 of stdin, stdout, stderr") }
    if parts[0] == "attach" { return (try await runtime.streamAttach(to: container, options), options) }
    let words: [String] = pairs.filter { $0.0 == "command" }.map(\.1)
    guard !words.isEmpty else { throw KubeStatus.badRequest("you must specify a command") }
    return (try await runtime.streamExec(in: container, words, options), options)
  }

  private func command(
    _ place: StreamingPlace, _ options: StreamOptions, _ request: ServerRequest, _ offer: UpgradeOffer, _ response: any ResponseWriter
  ) async throws {
    guard offer.includes("websocket") else { return try await spdy(place, request, offer) }
    let offered: [String] = WebSocketHandshake.offered(request.head)
    guard let chosen: String = CommandBridge.protocols.first(where: { offered.contains($0) }) else {
      return try await refuse(
        response,
        .badRequest(
          "unable to upgrade: none of the protocols \(offered) is spoken here; \(CommandBridge.protocols.joined(separator: ", ")) are"))
    }
    let answer: HTTPResponse = try handshake(request.head, chosen)
    let (_, stream) = try await RuntimeStream.open(place, protocols: [RuntimeStream.commandProtocol], group: group)
    let socket = WebSocket(try await offer.accept(answer), role: .server)
    await CommandBridge(
      socket: socket, session: SPDYSession(stream), options: options, closesChannels: chosen == CommandBridge.protocols[0]
    ).run()
  }

  /// kubectl tunnels SPDY through a WebSocket (`SPDY/3.1+portforward.k8s.io`): what is inside goes to the runtime as it is.
  private func forward(
    _ place: StreamingPlace, _ request: ServerRequest, _ offer: UpgradeOffer, _ response: any ResponseWriter
  ) async throws {
    guard offer.includes("websocket") else { return try await spdy(place, request, offer) }
    let tunnel: String = "\(RuntimeStream.spdy)+\(RuntimeStream.forwardProtocol)"
    guard WebSocketHandshake.offered(request.head).contains(tunnel) else {
      return try await refuse(response, .badRequest("unable to upgrade: only \(tunnel) is spoken here"))
    }
    let answer: HTTPResponse = try handshake(request.head, tunnel)
    let (_, stream) = try await RuntimeStream.open(place, protocols: [RuntimeStream.forwardProtocol], group: group)
    let socket = WebSocket(try await offer.accept(answer), role: .server)
    await WebSocketTunnel(socket: socket, stream: stream).run()
  }

  private func handshake(_ head: HTTPRequest, _ subprotocol: String) throws -> HTTPResponse {
    do {
      return try WebSocketHandshake.answer(head, subprotocol: subprotocol)
    } catch let error as HTTPError {
      throw KubeletError(.unsupported, error.message)
    }
  }

  /// The runtime's own answer goes to the client, with the stream protocol that it chose.
  private func spdy(_ place: StreamingPlace, _ request: ServerRequest, _ offer: UpgradeOffer) async throws {
    let field = HTTPField.Name("X-Stream-Protocol-Version")!
    let wanted: [String] = request.head.headerFields[values: field].flatMap { $0.split(separator: ",") }
      .map { String($0.filter { $0 != " " }) }
    let (head, stream) = try await RuntimeStream.open(place, protocols: wanted, group: group)
    var answer = HTTPResponse(status: .init(code: 101))
    answer.headerFields[HTTPField.Name("Upgrade")!] = RuntimeStream.spdy
    if let chosen: String = head.headerFields[field] { answer.headerFields[field] = chosen }
    let client: DuplexStream = try await offer.accept(answer)
    await client.splice(with: stream)
  }

  private var group: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }
}

/// Bytes of binary messages on one side, bytes on the other.
struct WebSocketTunnel {
  let socket: WebSocket
  let stream: DuplexStream

  /// Until either side ends; both are closed then.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while let message = try? await socket.receive() {
          guard (try? await stream.write(message.bytes)) != nil else { break }
        }
      }
      group.addTask {
        while let bytes: ByteBuffer = (try? await stream.read()) ?? nil {
          guard (try? await socket.send(.binary, bytes)) != nil else { break }
        }
      }
      await group.next()
      await socket.close()
      await stream.close()
      group.cancelAll()
    }
  }
}
