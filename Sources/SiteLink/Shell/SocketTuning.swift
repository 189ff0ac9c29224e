import NIOCore
import NIOPosix
import Primitives

/// Socket options of both directions (tcp(7)).
enum SocketTuning {
  /// Milliseconds that sent bytes may stay unacknowledged before the kernel gives the connection up: a cut link is noticed without us.
  private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)
  /// See `LinkLimits.unsentInKernel`.
  private static let notSentLowWaterMark = NIOBSDSocket.Option(rawValue: 25)

  static func apply(to bootstrap: ClientBootstrap, silence: Duration) -> ClientBootstrap {
    bootstrap
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.tcpOption(userTimeout), value: .init(silence.inNanoseconds / 1_000_000))
      .channelOption(.tcpOption(notSentLowWaterMark), value: .init(LinkLimits.unsentInKernel))
  }

  static func apply(to bootstrap: ServerBootstrap, silence: Duration) -> ServerBootstrap {
    bootstrap
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      // The one that accepts only answers pings; twice the silence that the one that dials waits for.
      .childChannelOption(.tcpOption(userTimeout), value: .init(silence.inNanoseconds / 500_000))
  }
}
