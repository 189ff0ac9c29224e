import KubeModel
import Primitives
import Synchronization

/// After the store has gone on without its lost majority, what it holds may be older than what that majority was told: for a whole lease no
/// read of an activation is answered, so that nobody acts on one until everybody who acted on a newer one has stopped. The center that
/// takes over waits longer than that anyway (Federation's README).
public final class RecoveryPause: Sendable {
  private let lease: Duration
  private let clock: any TimeSource
  private let state: Mutex<(epoch: UInt64, until: MonotonicTime?)>

  /// - Parameter epoch: of the store now.
  public init(lease: Duration, epoch: UInt64, clock: any TimeSource = SystemClock()) {
    self.lease = lease
    self.clock = clock
    state = Mutex((epoch, nil))
  }

  /// Why a read of this object is not answered; nil: it is. The store tells its new epoch before it answers anything.
  /// - Parameter epoch: the store's; asked for only where an activation is read.
  public func reason(_ resource: ResourceName, _ namespace: String, _ name: String, epoch: @autoclosure () -> UInt64) -> String? {
    guard resource == .leases, namespace == ActivationRecord.namespace, name.hasPrefix(ActivationRecord.name(cluster: "")) else {
      return nil
    }
    let (now, epoch): (MonotonicTime, UInt64) = (clock.now(), epoch())
    let until: MonotonicTime? = state.withLock { state in
      if epoch > state.epoch { state = (epoch, now + lease) }
      return state.until
    }
    guard let until, now < until else { return nil }
    return "The store was recovered from the loss of its majority: who is active is told again in "
      + "\(Int((until - now).inMilliseconds.rounded())) ms."
  }
}
