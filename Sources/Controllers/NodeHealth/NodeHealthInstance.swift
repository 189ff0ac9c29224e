import KubeModel
import Primitives

/// What one node's signs of life lead to. Pure; time is the controller's own monotonic clock, since the node's clock may be wrong:
/// what counts is when *we* saw its lease or status change.
/// https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats
struct NodeHealthInstance: Sendable {
  struct Settings: Sendable {
    /// Silence after which a node counts as unreachable.
    var grace: Duration
    /// The same for nodes that never spoke.
    var startupGrace: Duration
    /// The same for nodes of a center that does not answer the federation either.
    var darkGrace: Duration = ControllerLimits.darkGrace
  }
  private struct Seen: Sendable {
    var renewTime: String
    var heartbeat: String
    var at: MonotonicTime
    var everSpoke: Bool
  }
  static let conditionTypes: [String] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]

  let settings: Settings
  private var seen: [String: Seen] = [:]
  /// When any node at all was last seen alive.
  private var lastSign: MonotonicTime?

  init(settings: Settings) { self.settings = settings }

  /// The lease or the node was seen; silence counts from the last change.
  mutating func onSeen(node: KubeObject, lease: KubeObject?, now: MonotonicTime) {
    let renewTime: String = lease?.spec["renewTime"].string ?? ""
    let heartbeat: String = node.condition("Ready")?["lastHeartbeatTime"].string ?? ""
    if let before: Seen = seen[node.name], before.renewTime == renewTime, before.heartbeat == heartbeat { return }
    // No node was heard of for long: it was us who were cut off, or the store stood still. Everybody's silence starts anew, or
    // the first node heard would condemn all others.
    if let lastSign, now - lastSign > settings.grace / 2 { for name in seen.keys { seen[name]?.at = now } }
    lastSign = now
    let spoke: Bool = !renewTime.isEmpty || !heartbeat.isEmpty
    seen[node.name] = Seen(renewTime: renewTime, heartbeat: heartbeat, at: now, everSpoke: spoke)
  }

  mutating func onGone(_ node: String) { seen[node] = nil }

  func silence(_ node: String, now: MonotonicTime) -> Duration { seen[node].map { now - $0.at } ?? .zero }

  /// - Parameter isDark: nobody of the node's center answers the federation, which looks often: then a few renewals that are missing
  ///   (kubelets renew once a second) are enough.
  func isSilent(_ node: String, isDark: Bool = false, now: MonotonicTime) -> Bool {
    if isDark, let seen: Seen = seen[node], seen.everSpoke, now - seen.at > settings.darkGrace { return true }
    guard let seen: Seen = seen[node] else { return false }
    // While we hear nobody (and there are others to hear) we judge nobody.
    if self.seen.count > 1, let lastSign, now - lastSign > settings.grace / 2 { return false }
    return now - seen.at > (seen.everSpoke ? settings.grace : settings.startupGrace)
  }

  /// When to look again at the earliest.
  func nextLook(_ node: String, isDark: Bool = false, now: MonotonicTime) -> Duration {
    guard let seen: Seen = seen[node] else { return settings.grace }
    let until: MonotonicTime = seen.at + (!seen.everSpoke ? settings.startupGrace : isDark ? settings.darkGrace : settings.grace)
    return max(.milliseconds(100), until - now + .milliseconds(1))
  }

  /// The conditions that a silent node gets; nil if they say so already.
  static func silentConditions(_ node: KubeObject, now: WallTime) -> [JSONValue]? {
    var conditions: [JSONValue] = node.status["conditions"].array
    for type in conditionTypes {
      let present: JSONValue? = Conditions.find(conditions, type)
      if let present, present["status"].string == "Unknown" { continue }
      let neverSpoke: Bool = present == nil
      Conditions.set(
        &conditions, type, "Unknown", reason: neverSpoke ? "NodeStatusNeverUpdated" : "NodeStatusUnknown",
        message: neverSpoke ? "Kubelet never posted node status." : "Kubelet stopped posting node status.", now: now)
    }
    return conditions == node.status["conditions"].array ? nil : conditions
  }

  /// The taints that follow from the conditions and from `spec.unschedulable`, in place of those that this controller owns; others
  /// stay. Nil if nothing changes. https://kubernetes.io/docs/reference/labels-annotations-taints/
  static func taints(_ node: KubeObject, now: WallTime) -> [JSONValue]? {
    let ready: String = node.condition("Ready")?["status"].string ?? "Unknown"
    var wanted: [(key: String, effect: String)] = []
    if ready == "False" { wanted += [(Taint.notReady, "NoSchedule"), (Taint.notReady, "NoExecute")] }
    if ready == "Unknown" { wanted += [(Taint.unreachable, "NoSchedule"), (Taint.unreachable, "NoExecute")] }
    for (type, key) in [
      ("MemoryPressure", "node.kubernetes.io/memory-pressure"), ("DiskPressure", "node.kubernetes.io/disk-pressure"),
      ("PIDPressure", "node.kubernetes.io/pid-pressure"), ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
    ] where node.isTrue(type) { wanted.append((key, "NoSchedule")) }
    if node.spec["unschedulable"].bool == true { wanted.append(("node.kubernetes.io/unschedulable", "NoSchedule")) }
    let present: [JSONValue] = node.spec["taints"].array
    var kept: [JSONValue] = present.filter { json in
      let taint = Taint(json)
      return !owned.contains(taint.key) || wanted.contains { $0.key == taint.key && $0.effect == taint.effect }
    }
    for (key, effect) in wanted where !kept.contains(where: { Taint($0).key == key && Taint($0).effect == effect }) {
      kept.append(Taint(key: key, effect: effect, timeAdded: effect == "NoExecute" ? now.rfc3339 : nil).json)
    }
    return kept == present ? nil : kept
  }

  static let owned: Set<String> = [
    Taint.notReady, Taint.unreachable, "node.kubernetes.io/memory-pressure", "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure", "node.kubernetes.io/network-unavailable", "node.kubernetes.io/unschedulable",
  ]

  /// A pod on a silent node is not ready, whatever its kubelet last said. Nil if it says so already.
  static func notReadyConditions(_ pod: KubeObject, now: WallTime) -> [JSONValue]? {
    guard pod.isReadyPod else { return nil }
    var conditions: [JSONValue] = pod.status["conditions"].array
    Conditions.set(
      &conditions, "Ready", "False", reason: "NodeNotReady", message: "The node stopped posting its status.", now: now)
    return conditions
  }
}
