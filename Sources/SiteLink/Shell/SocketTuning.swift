import NIOCore
import NIOPosix
import Primitives

/// Socket options of both directions (tcp(7)).
enum SocketTuning {
  /// Milliseconds that sent bytes may stay unacknowledged before the kernel gives the connection up: a cut link is noticed without us.
  private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)
  /// See `LinkLimits.unsentInKernel`.
  private static let notSentLowWaterMark = NIOBSDSocket.Option(rawValue: 25)

  static func apply(to bootstrap: ClientBootstrap, silence: Duration, distance: LinkDistance = .sameCity) -> ClientBootstrap {
    let unsent: Int = LinkLimits.unsentInKernel(distance)
    return
      bootstrap
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.tcpOption(userTimeout), value: .init(silence.inNanoseconds / 1_000_000))
      .channelOption(.tcpOption(notSentLowWaterMark), value: .init(unsent))
      // What waits in the process for the kernel; more is not taken from the queue, where it could still be overtaken.
      .channelOption(.writeBufferWaterMark, value: .init(low: unsent / 2, high: unsent))
  }

  static func apply(to bootstrap: ServerBootstrap, silence: Duration) -> ServerBootstrap {
    bootstrap
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      // The one that accepts only answers pings; twice the silence that the one that dials waits for.
      .childChannelOption(.tcpOption(userTimeout), value: .init(silence.inNanoseconds / 500_000))
  }
}
