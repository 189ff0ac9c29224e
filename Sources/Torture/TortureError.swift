import Primitives

public enum TortureDomain: FaultDomain { public static let name = "torture" }
public typealias TortureError = Fault<TortureDomain>

extension Fault<TortureDomain>.Code {
  /// The members, their network or their disks could not be set up.
  public static let ground = Self("ground")
  /// The cluster did not serve before the first fault.
  public static let notReady = Self("notReady")
}
