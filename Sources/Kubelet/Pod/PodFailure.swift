import Primitives

/// Why a host gives a pod up: `status.reason` and `status.message`.
public struct PodFailure: Hashable, Sendable {
  /// In CamelCase, the upstream kubelet's word where it has one.
  public var reason: String
  public var message: String
  /// How long its containers get to end; nil: what the pod asks for.
  public var grace: Duration?
  /// The pod's phase is then `Failed`, and its controller makes another one. Otherwise it stays `Pending`: what this host does not carry
  /// out, none of its kind does, and a ReplicaSet would make pods that fail as fast as it can.
  public var isFinal: Bool

  public init(reason: String, message: String, grace: Duration? = nil, isFinal: Bool = true) {
    self.reason = reason
    self.message = message
    self.grace = grace
    self.isFinal = isFinal
  }

  /// k8s: PodSpec v1 core, field `activeDeadlineSeconds`.
  static let deadlineExceeded = PodFailure(
    reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline")

  /// A field that this kubelet does not carry out: the pod would be something else than what was asked for.
  static func unsupported(_ field: String, _ why: String) -> PodFailure {
    PodFailure(
      reason: "Unsupported", message: "Pod was rejected: \(field) is not supported by this kubelet: \(why)", isFinal: false)
  }

  /// In the words of the upstream kubelet's admission, which looks again at what the scheduler has looked at.
  static func portTaken(_ port: HostPort) -> PodFailure {
    PodFailure(
      reason: "NodePorts",
      message:
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports (\(port.transport.rawValue) \(port.hostPort))"
    )
  }

  /// k8s: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
  static func evicted(_ message: String) -> PodFailure { PodFailure(reason: "Evicted", message: message, grace: .zero) }
}
