import Primitives

public enum DrillDomain: FaultDomain { public static let name = "drill" }
public typealias DrillError = Fault<DrillDomain>

extension Fault<DrillDomain>.Code {
  public static let badRunbook = Self("badRunbook")
  public static let timeout = Self("timeout")
  /// What a step was to find is not so.
  public static let notMet = Self("notMet")
  public static let failed = Self("failed")
  /// Asked for in a way that is not allowed, or by somebody who may not.
  public static let refused = Self("refused")
  /// Nobody can tell whether it happened.
  public static let unknown = Self("unknown")
}
