import NIOCore
import NIOPosix
import TLS

/// Where load goes: members in turn, plain or over mutual TLS.
struct LoadTarget: Sendable {
  /// Client ports on loopback.
  var ports: [Int]
  var tls: TLSContext?

  /// Connects to a member (by `tag` modulo their number); the connection lives on `loop`, where the delegate is, and is told to it.
  func connect<Delegate: LoadDelegate>(tag: Int, path: String, delegate: NIOLoopBound<Delegate>, on loop: any EventLoop) async throws {
    let port: Int = ports[tag % ports.count]
    let head = RequestHead(path: path, authority: "127.0.0.1:\(port)", secure: tls != nil)
    let tls: TLSContext? = tls
    do {
      _ = try await ClientBootstrap(group: loop)
        .connectTimeout(.seconds(5))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(tls.makeHandler(serverName: "127.0.0.1")) }
            try pipeline.addHandler(LoadConnection(tag: tag, head, delegate.value))
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
    } catch {
      throw BenchmarkError(.connection, "No connection to 127.0.0.1:\(port).", cause: error)
    }
  }
}
