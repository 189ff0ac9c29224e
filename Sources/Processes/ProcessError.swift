import Primitives

public enum ProcessDomain: FaultDomain { public static let name = "process" }
public typealias ProcessError = Fault<ProcessDomain>

extension Fault<ProcessDomain>.Code {
  /// The program is not there or may not be run.
  public static let cannotStart = Self("cannotStart")
  public static let failed = Self("failed")
  public static let timeout = Self("timeout")
}
