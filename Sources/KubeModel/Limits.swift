/// Everything in this module that could grow without end.
public enum KubeLimits {
  /// Bytes of one JSON document: kube-apiserver's limit for a request body (`MaxRequestBodyBytes`, 3 MiB).
  public static let documentBytes: Int = 3 * 1024 * 1024
  /// Nested arrays and objects. Kubernetes' own types reach about 20; a parser of ours recurses, so the limit guards the stack.
  public static let documentDepth: Int = 256
  /// Duplicate or unknown fields that one strict decoding reports; the rest is cut, as kube-apiserver cuts its warnings.
  public static let reportedFields: Int = 100
}

extension KubeLimits {
  /// Operations of one JSON patch, as kube-apiserver limits them.
  public static let patchOperations: Int = 10_000
}

extension KubeLimits {
  /// Updaters with an entry of their own in managedFields; older ones share one.
  public static let updateManagers: Int = 10
}
