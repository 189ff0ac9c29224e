import Glibc
import NIOCore

/// The kernel's own probes of silent connections (tcp(7)); seconds, seconds, and a count.
extension NIOBSDSocket.Option {
  static let keepIdle = Self(rawValue: TCP_KEEPIDLE)
  static let keepInterval = Self(rawValue: TCP_KEEPINTVL)
  static let keepCount = Self(rawValue: TCP_KEEPCNT)
}
