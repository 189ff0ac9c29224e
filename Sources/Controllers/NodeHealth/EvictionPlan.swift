import KubeModel
import Primitives

/// When a pod has to leave its node because of NoExecute taints. Pure.
/// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
enum EvictionPlan: Hashable, Sendable {
  case stay
  case leaveNow
  /// Wall time, since the taint's `timeAdded` is one.
  case leaveAt(WallTime)

  /// Every change of the active center fences the other centers' nodes until they have reported, which takes a second where they live: a
  /// `hot` pod is not ended for that. One whose node stays fenced is replaced elsewhere.
  private static let hotPatience: JSONValue = ["tolerationSeconds": .int(ControllerLimits.hotFenceSeconds)]

  static func of(_ pod: KubeObject, taints: [Taint], now: WallTime) -> EvictionPlan {
    let taints: [Taint] = taints.filter { $0.effect == "NoExecute" }
    guard !taints.isEmpty, !pod.isBeingDeleted else { return .stay }
    var until: WallTime?
    for taint in taints {
      var tolerations: [JSONValue] = pod.spec["tolerations"].array.filter { taint.isTolerated(by: $0) }
      if taint.key == Taint.fenced, tolerations.isEmpty, WorkloadTier(pod).isEverywhere { tolerations = [Self.hotPatience] }
      guard !tolerations.isEmpty else { return .leaveNow }
      // The shortest time given by a toleration that limits it; one without a limit does not lengthen another's.
      guard let seconds: Int64 = tolerations.compactMap({ $0["tolerationSeconds"].int }).min() else { continue }
      guard seconds > 0 else { return .leaveNow }
      let added: WallTime = taint.timeAdded.flatMap { WallTime(rfc3339: $0) } ?? now
      let end = WallTime(secondsSince1970: added.secondsSince1970 + seconds)
      until = min(until ?? end, end)
    }
    guard let until else { return .stay }
    return until <= now ? .leaveNow : .leaveAt(until)
  }
}

/// How fast silent nodes may be tainted, so that a broken network does not empty a center. Pure.
/// https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction
struct EvictionRate: Sendable {
  struct Settings: Sendable {
    /// Nodes per second in a healthy zone.
    var perSecond: Double = 0.1
    /// Nodes per second once `unhealthyFraction` of a zone larger than `largeZone` is not ready; a smaller zone: none.
    var secondaryPerSecond: Double = 0.01
    var unhealthyFraction: Double = 0.55
    var largeZone: Int = 50
  }
  private var tokens: [String: (amount: Double, at: MonotonicTime)] = [:]
  let settings: Settings

  init(settings: Settings) { self.settings = settings }

  /// Nodes per second for a zone with these counts. A zone that is dead as a whole is emptied at the normal rate if another
  /// zone can take its pods; if none can, nothing moves.
  func rate(ready: Int, notReady: Int, anotherZoneIsHealthy: Bool) -> Double {
    if ready == 0, notReady > 0 { return anotherZoneIsHealthy ? settings.perSecond : 0 }
    if notReady > 2, Double(notReady) / Double(ready + notReady) >= settings.unhealthyFraction {
      return ready + notReady > settings.largeZone ? settings.secondaryPerSecond : 0
    }
    return settings.perSecond
  }

  /// Takes one node's turn in a zone; false if it has to wait.
  mutating func take(zone: String, rate: Double, now: MonotonicTime) -> Bool {
    var bucket: (amount: Double, at: MonotonicTime) = tokens[zone] ?? (1, now)
    bucket.amount = min(1, bucket.amount + (now - bucket.at).inMilliseconds / 1000 * rate)
    bucket.at = now
    defer { tokens[zone] = bucket }
    guard rate > 0, bucket.amount >= 1 - 1e-9 else { return false }
    bucket.amount -= 1
    return true
  }
}
