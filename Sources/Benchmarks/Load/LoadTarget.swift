import NIOCore
import NIOPosix
import TLS

/// Where a member takes its clients' connections.
struct LoadAddress: Sendable {
  var host: String = "127.0.0.1"
  var port: Int
}

/// Where load goes: members in turn, plain or over mutual TLS.
struct LoadTarget: Sendable {
  var members: [LoadAddress]
  var tls: TLSContext?
  /// Said with every request.
  var metadata: [(name: String, value: String)] = []

  /// One of the members alone.
  func only(_ member: Int) -> LoadTarget { LoadTarget(members: [members[member]], tls: tls, metadata: metadata) }

  /// Connects to a member (by `tag` modulo their number); the connection lives on `loop`, where the delegate is, and is told to it.
  func connect<Delegate: LoadDelegate>(tag: Int, path: String, delegate: NIOLoopBound<Delegate>, on loop: any EventLoop) async throws {
    let address: LoadAddress = members[tag % members.count]
    let head = RequestHead(path: path, authority: "\(address.host):\(address.port)", secure: tls != nil, metadata: metadata)
    let tls: TLSContext? = tls
    do {
      _ = try await ClientBootstrap(group: loop)
        .connectTimeout(.seconds(5))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(tls.makeHandler(serverName: address.host)) }
            try pipeline.addHandler(LoadConnection(tag: tag, head, delegate.value))
          }
        }
        .connect(host: address.host, port: address.port).get()
    } catch {
      throw BenchmarkError(.connection, "No connection to \(address.host):\(address.port).", cause: error)
    }
  }
}
