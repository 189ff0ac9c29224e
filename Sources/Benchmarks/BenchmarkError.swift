import Primitives

public enum BenchmarkDomain: FaultDomain { public static let name = "bench" }
public typealias BenchmarkError = Fault<BenchmarkDomain>

extension Fault<BenchmarkDomain>.Code {
  /// A server under test did not come up or ended while it was measured.
  public static let server = Self("server")
  /// A connection broke, or the server speaks something that the load client does not.
  public static let connection = Self("connection")
  /// A call that belongs to a case's preparation was refused.
  public static let refused = Self("refused")
}
