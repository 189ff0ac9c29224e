import Synchronization

/// What `/livez` and `/readyz` answer from: every part of a daemon registers a named check; a check returns nil when well and
/// otherwise a sentence for a person.
public final class HealthRegistry: Sendable {
  public typealias Check = @Sendable () async -> String?
  private let checks: Mutex<[(name: String, live: Bool, check: Check)]> = Mutex([])

  public init() {}

  /// `live`: also part of `/livez` (a failing liveness check asks for a restart).
  public func register(_ name: String, live: Bool = false, _ check: @escaping Check) {
    checks.withLock { $0.append((name, live, check)) }
  }

  /// In the form of Kubernetes' `/readyz?verbose`: `[+]name ok` or `[-]name failed: sentence`.
  public func report(liveOnly: Bool) async -> (healthy: Bool, text: String) {
    var healthy: Bool = true
    var text: String = ""
    for (name, live, check) in checks.withLock({ $0 }) where live || !liveOnly {
      if let reason: String = await check() {
        healthy = false
        text += "[-]\(name) failed: \(reason)\n"
      } else {
        text += "[+]\(name) ok\n"
      }
    }
    return (healthy, text + (healthy ? "healthz check passed\n" : "healthz check failed\n"))
  }
}
