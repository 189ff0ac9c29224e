/// What the load client keeps at the most.
enum BenchmarkLimits {
  /// A frame of a server: what SETTINGS announces (16 KiB) and the protocol's default allow.
  static let frameBytes = 16_384
  /// A header block with its continuations.
  static let headerBlockBytes = 65_536
  /// One response message.
  static let messageBytes = 64 << 20
  /// Requests that wait for the server's flow control on one connection.
  static let blockedBytes = 64 << 20
  /// Latencies kept of one case: eight bytes each.
  static let samples = 20_000_000
}
