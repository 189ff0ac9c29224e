import Primitives

/// What this module throws. Findings about an object's content are not thrown: they are lists of `FieldError`.
public enum KubeModelDomain: FaultDomain {
  public static let name: String = "kubemodel"
}

public typealias KubeModelError = Fault<KubeModelDomain>

extension Fault<KubeModelDomain>.Code {
  /// Bytes that are not one JSON document by RFC 8259.
  public static let malformedJSON = Self("malformedJSON")
  /// More bytes or deeper nesting than `KubeLimits` allows.
  public static let tooLarge = Self("tooLarge")
}
