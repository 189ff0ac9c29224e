import Primitives

enum ProxyLimits {
  /// Changes that come closer together are applied together.
  static let settle: Duration = .milliseconds(20)
  /// After nftables refused something.
  static let retry: Duration = .seconds(1)
  static let nftTimeout: Duration = .seconds(10)
  /// The kernel counts the lease's time from nft's commit, and this process from before nft was started: so much is taken off for the
  /// run. It grows up to `leaseAllowanceMost` where nft is slow, and shrinks again.
  static let leaseAllowance: Duration = .milliseconds(125)
  static let leaseAllowanceMost: Duration = .seconds(1)
  /// A run of nft that takes so much longer than was taken off is killed: if its commit was done nevertheless, the elements outlive their
  /// permission by no more than this. Half of the smallest margin that a site file may ask
  /// for (300 ms).
  static let leaseOvershoot: Duration = .milliseconds(150)
  /// Taking the elements away; meanwhile they expire by themselves.
  static let leaseRemoval: Duration = .seconds(1)
  /// Runs of nft that came too late, one after the other, before the elements are taken away until the next permission.
  static let leaseTries: Int = 3
  /// Endpoints of one Service port that are balanced over.
  static let endpoints: Int = 1_000
  /// The lease's elements in the kernel are written again when less than this part of their time is left.
  static let leaseRefreshPart: Int = 3
  static let userspaceConnections: Int = 1_024
}
