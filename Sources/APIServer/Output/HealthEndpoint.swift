import KubeModel
import Observability

/// `/livez`, `/readyz`, `/healthz`: plain `ok`, or the list of checks with `?verbose` or when one fails.
/// https://kubernetes.io/docs/reference/using-api/health-checks/
struct HealthEndpoint: Sendable {
  let handlers: Handlers
  let isReady: Bool

  func reply(_ info: RequestInfo) async throws -> Reply {
    let name = String(info.path.split(separator: "/").first ?? "")
    let liveOnly: Bool = name == "livez"
    var lines: [String] = ["[+]ping ok"]
    var healthy: Bool = true
    if !liveOnly {
      lines.append(isReady ? "[+]watch-caches ok" : "[-]watch-caches failed: not everything was read from the store yet")
      healthy = isReady
      do {
        _ = try await handlers.storage.currentRevision()
        lines.append("[+]store ok")
      } catch {
        healthy = false
        lines.append("[-]store failed: \(error)")
      }
    }
    if let registry: HealthRegistry = handlers.configuration.health {
      let report: (healthy: Bool, text: String) = await registry.report(liveOnly: liveOnly)
      healthy = healthy && report.healthy
      lines += report.text.split(separator: "\n").dropLast().map(String.init)
    }
    if healthy, !info.query.has("verbose") { return Reply(text: "ok") }
    let verdict: String = "\(name) check \(healthy ? "passed" : "failed")"
    return Reply(text: lines.joined(separator: "\n") + "\n\(verdict)\n", status: healthy ? 200 : 500)
  }
}
