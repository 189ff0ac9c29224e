import KubeModel
import Primitives

/// Keeps a center that comes and goes from moving the cluster to and fro: after a takeover that nobody asked for, the next one waits,
/// twice as
/// long with each. A move by a person ends that: somebody has looked. This is about service, not about safety, so wall clocks may serve.
public enum FlapDamping {
  /// Of `spec.policy.minimumIntervalSeconds`.
  public static let standardInterval: Int64 = 600
  static let longest: Int64 = 86_400

  /// Nil: another takeover may follow.
  /// - Parameter status: of the Cluster.
  public static func obstacle(_ status: JSONValue, interval: Int64, cluster: String, now: WallTime) -> Finding? {
    guard interval > 0 else { return nil }
    var automatic: [WallTime] = []
    for activation in [status["activation"]] + status["history"].array {
      let reason: String = activation["reason"].string ?? ""
      // After a deletion of the record, or a target that did not come, nothing has moved.
      if reason == "Resumed" { continue }
      guard reason == "Unplanned", let since = activation["since"].string.flatMap({ WallTime(rfc3339: $0) }) else { break }
      automatic.append(since)
    }
    guard let last: WallTime = automatic.max() else { return nil }
    var wait: Int64 = interval
    for _ in automatic.dropFirst() { wait = min(wait * 2, longest) }
    // A last one in the future is a clock that jumped: it is held as if it were now.
    guard now.secondsSince1970 - last.secondsSince1970 < wait else { return nil }
    let until = WallTime(secondsSince1970: last.secondsSince1970 + wait)
    return Finding(
      rule: "interval", center: nil, object: "Cluster/\(cluster)",
      measured: "\(automatic.count) takeovers in a row that nobody asked for, the last at \(last.rfc3339)",
      limit: "none before \(until.rfc3339)",
      cure: "look what flaps; a move by a person goes at once: tricenter failover \(cluster) --to CENTER")
  }
}
