import Keyspace
import Metrics
import Primitives

/// What `/livez` and `/readyz` look at, with etcd 3.6's names: the whole, one of them (`/readyz/NAME`), or all but some (`?exclude=NAME`).
struct EtcdHealth: Sendable {
  enum Kind: String, Sendable { case livez, readyz }
  enum Check: String, Sendable, CaseIterable {
    /// Nobody said that members disagree.
    case dataCorruption = "data_corruption"
    /// This member answers.
    case serializableRead = "serializable_read"
    /// A majority answers.
    case linearizableRead = "linearizable_read"
    /// This member votes, so clients may be sent to it.
    case nonLearner = "non_learner"
  }
  let service: EtcdService

  static func checks(_ kind: Kind) -> [Check] { kind == .livez ? [.serializableRead] : Check.allCases }

  /// nil: `path` is neither of the two nor one of their checks.
  static func wanted(_ path: Substring, _ query: [String]) -> (kind: Kind, checks: [Check])? {
    let parts: [Substring] = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, parts[0].isEmpty, let kind = Kind(rawValue: String(parts[1])) else { return nil }
    if parts.count == 3 {
      guard let check = Check(rawValue: String(parts[2])), checks(kind).contains(check) else { return nil }
      return (kind, [check])
    }
    return (kind, checks(kind).filter { !query.contains("exclude=\($0.rawValue)") })
  }

  /// A line per check, and whether all are well.
  func run(_ kind: Kind, _ checks: [Check]) async -> (isWell: Bool, lines: String) {
    var (isWell, lines): (Bool, String) = (true, "")
    for check in checks {
      let reason: String? = await problem(check)
      let labels: [(String, String)] = [("type", kind.rawValue), ("name", check.rawValue)]
      Gauge(label: "etcd_server_healthcheck", dimensions: labels).record(reason == nil ? 1 : 0)
      Counter(label: "etcd_server_healthchecks_total", dimensions: labels + [("status", reason == nil ? "success" : "error")]).increment()
      lines += reason.map { "[-]\(check.rawValue) failed: \($0)\n" } ?? "[+]\(check.rawValue) ok\n"
      if reason != nil { isWell = false }
    }
    return (isWell, lines)
  }

  private func problem(_ check: Check) async -> String? {
    switch check {
    case .dataCorruption: service.settings.current().alarms.isRaised(.corrupt) ? "alarm activated: CORRUPT" : nil
    case .serializableRead: await readProblem(serializable: true).map { "range error: \($0)" }
    case .linearizableRead: await readProblem(serializable: false).map { "range error: \($0)" }
    case .nonLearner: service.directory.status().isLearner ? "not supported for learner" : nil
    }
  }

  func readProblem(serializable: Bool) async -> String? {
    do {
      _ = try await service.store.range(RangeRequest(key: Bytes("health"), serializable: serializable))
      return nil
    } catch {
      return EtcdError.status(error).message
    }
  }
}
