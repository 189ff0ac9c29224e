import Primitives

public enum KubeletDomain: FaultDomain { public static let name = "kubelet" }
public typealias KubeletError = Fault<KubeletDomain>

extension Fault<KubeletDomain>.Code {
  /// The container runtime refused or failed a call; the message is the runtime's.
  public static let runtimeFailed = Self("runtimeFailed")
  /// The runtime does not know that sandbox, container or image.
  public static let notFound = Self("notFound")
  /// A container cannot be configured: a reference that leads nowhere, a feature that this kubelet does not have.
  public static let badConfiguration = Self("badConfiguration")
  public static let fileNotWritten = Self("fileNotWritten")
  /// The Pod uses something that this kubelet refuses by name.
  public static let unsupported = Self("unsupported")
  public static let noAddress = Self("noAddress")
  /// More waits than this kubelet can hold.
  public static let overloaded = Self("overloaded")
}
