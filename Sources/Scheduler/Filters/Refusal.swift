/// Why a node cannot take a pod, in Kubernetes' words, since people search for them; and what change could help.
struct Refusal: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case center, node, resources, ports, podAffinity, spread, starting
  }
  var kind: Kind
  /// As it stands behind the number of nodes: `3 Insufficient cpu`, `2 node(s) were unschedulable`.
  var text: String

  static func center(_ active: String?) -> Self {
    Self(kind: .center, text: active.map { "node(s) were outside the active center \($0)" } ?? "node(s) had no active center to belong to")
  }
  static let notReady = Self(kind: .node, text: "node(s) were not ready")
  static let unschedulable = Self(kind: .node, text: "node(s) were unschedulable")
  static let nodeAffinity = Self(kind: .node, text: "node(s) didn't match Pod's node affinity/selector")
  static func taint(_ key: String, _ value: String) -> Self { Self(kind: .node, text: "node(s) had untolerated taint {\(key): \(value)}") }
  static let tooManyPods = Self(kind: .resources, text: "Too many pods")
  static func insufficient(_ resource: String) -> Self { Self(kind: .resources, text: "Insufficient \(resource)") }
  /// Ours: after a failover everything wants to start at once.
  static let starting = Self(kind: .starting, text: "node(s) had too many pods that have not started yet")
  static let ports = Self(kind: .ports, text: "node(s) didn't have free ports for the requested pod ports")
  static let podAffinity = Self(kind: .podAffinity, text: "node(s) didn't match pod affinity rules")
  static let podAntiAffinity = Self(kind: .podAffinity, text: "node(s) didn't match pod anti-affinity rules")
  static let othersAntiAffinity = Self(kind: .podAffinity, text: "node(s) didn't satisfy existing pods anti-affinity rules")
  static let spread = Self(kind: .spread, text: "node(s) didn't match pod topology spread constraints")
  static let spreadLabel = Self(kind: .spread, text: "node(s) didn't match pod topology spread constraints (missing required label)")
}
