import KubeClient
import Logging
import Metrics
import NIOCore
import NIOPosix
import Primitives

/// Answers over UDP and TCP on one address. Answers are computed on the event loop from what is in memory: no question waits for another.
public final class DNSServer: Sendable {
  private let nameServer: NameServer
  private let host: String
  private let port: Int
  private let group: any EventLoopGroup
  private let logger = Logger(label: "dns")
  private let openConnections: ConnectionCount = ConnectionCount()
  private let malformed: MalformedNotes

  /// `port` 0 takes any; `start` returns what it was.
  public init(nameServer: NameServer, host: String, port: Int, group: any EventLoopGroup) {
    self.nameServer = nameServer
    self.host = host
    self.port = port
    self.group = group
    malformed = MalformedNotes(logger)
  }

  /// Serves until its task is cancelled. `bound` is told the port once both transports listen.
  public func run(bound: (@Sendable (Int) -> Void)? = nil) async throws {
    let (tcp, udp) = try await bind()
    bound?(udp.localAddress?.port ?? port)
    logger.info("answering", metadata: ["address": "\(host):\(udp.localAddress?.port ?? port)"])
    try? await withTaskCancellationHandler {
      try await udp.closeFuture.get()
    } onCancel: {
      udp.close(promise: nil)
    }
    try? await tcp.close()
  }

  private func bind() async throws -> (tcp: any Channel, udp: any Channel) {
    let (nameServer, openConnections, malformed) = (nameServer, openConnections, malformed)
    do {
      let tcp: any Channel = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let idle = IdleStateHandler(readTimeout: .seconds(DNSLimits.tcpIdleSeconds))
            try channel.pipeline.syncOperations.addHandlers([
              idle, ByteToMessageHandler(DNSFrameDecoder(), maximumBufferSize: DNSLimits.tcpMessageBytes + 2),
              DNSStreamHandler(nameServer, openConnections, malformed),
            ])
          }
        }
        .bind(host: host, port: port).get()
      let udp: any Channel = try await DatagramBootstrap(group: group)
        .channelOption(.socketOption(.so_reuseaddr), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(DNSDatagramHandler(nameServer, malformed))
          }
        }
        .bind(host: host, port: tcp.localAddress?.port ?? port).get()
      return (tcp, udp)
    } catch {
      throw ClusterDNSError(
        .bindFailed, "DNS cannot listen on \(host):\(port). Is another name server there, or the right to ports below 1024 missing?",
        cause: error)
    }
  }
}

enum DNSMetrics {
  static let udp = Counter(label: "coredns_dns_requests_total", dimensions: [("proto", "udp")])
  static let tcp = Counter(label: "coredns_dns_requests_total", dimensions: [("proto", "tcp")])
  static let malformed = Counter(label: "tricenter_dns_malformed_total")
}
