import Primitives

enum ProxyLimits {
  /// Changes that come closer together are applied together.
  static let settle: Duration = .milliseconds(20)
  /// After nftables refused something.
  static let retry: Duration = .seconds(1)
  static let nftTimeout: Duration = .seconds(10)
  /// Endpoints of one Service port that are balanced over.
  static let endpoints: Int = 1_000
  /// The lease's elements in the kernel are written again when less than this part of their time is left.
  static let leaseRefreshPart: Int = 3
  static let userspaceConnections: Int = 1_024
}
