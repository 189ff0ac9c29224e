import Primitives

public enum StoreDomain: FaultDomain { public static let name = "store" }
/// Why a member did not start. Requests fail with `KeyspaceError`s.
public typealias StoreError = Fault<StoreDomain>

extension Fault<StoreDomain>.Code {
  public static let invalidConfiguration = Self("invalidConfiguration")
  /// Asked for by name and not there.
  public static let unsupported = Self("unsupported")
  /// The folder could not be opened or read; the cause says what to do.
  public static let cannotOpen = Self("cannotOpen")
  /// What was read back contradicts itself.
  public static let damaged = Self("damaged")
  /// A recovery that must not be: a majority is there, or the wrong cluster or center was named.
  public static let refused = Self("refused")
  /// Nobody knows this member, so it cannot take part in a running cluster.
  public static let cannotJoin = Self("cannotJoin")
  /// This member was removed from its cluster for good.
  public static let removed = Self("removed")
  /// A store starts once and stops once.
  public static let wrongState = Self("wrongState")
}
