import KubeModel

/// `metav1.DeleteOptions`, the fields that a caller chooses. Nil leaves the kind's default.
public struct DeleteOptions: Hashable, Sendable {
  public enum Propagation: String, Hashable, Sendable {
    case background = "Background"
    case foreground = "Foreground"
    case orphan = "Orphan"
  }
  /// Seconds, 0 or more; 0 removes the object at once, whatever still runs.
  public var gracePeriodSeconds: Int64?
  public var propagation: Propagation?
  /// The deletion fails with `.conflict` unless the object has this uid.
  public var uid: String?
  /// The deletion fails with `.conflict` unless the object has this resource version.
  public var resourceVersion: String?

  public init(
    gracePeriodSeconds: Int64? = nil, propagation: Propagation? = nil, uid: String? = nil, resourceVersion: String? = nil
  ) {
    self.gracePeriodSeconds = gracePeriodSeconds
    self.propagation = propagation
    self.uid = uid
    self.resourceVersion = resourceVersion
  }

  var json: JSONValue {
    var options: JSONValue = ["apiVersion": "v1", "kind": "DeleteOptions"]
    if let gracePeriodSeconds { options["gracePeriodSeconds"] = .int(gracePeriodSeconds) }
    if let propagation { options["propagationPolicy"] = .string(propagation.rawValue) }
    if let uid { options["preconditions"]["uid"] = .string(uid) }
    if let resourceVersion { options["preconditions"]["resourceVersion"] = .string(resourceVersion) }
    return options
  }
}
