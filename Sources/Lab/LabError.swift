import Primitives

public enum LabDomain: FaultDomain { public static let name = "lab" }
public typealias LabError = Fault<LabDomain>

extension Fault<LabDomain>.Code {
  /// A program, right or kernel feature is missing.
  public static let missing = Self("missing")
  /// Another lab, or a change under way, is in the way.
  public static let busy = Self("busy")
  public static let badInput = Self("badInput")
  public static let failed = Self("failed")
  /// containerd is there and does not serve.
  public static let noContainers = Self("noContainers")
}
