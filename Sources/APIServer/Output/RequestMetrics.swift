import KubeModel
import Metrics
import Primitives
import Synchronization

/// Kubernetes' metric names where the thing measured is the same.
/// https://kubernetes.io/docs/reference/instrumentation/metrics/
final class RequestMetrics: Sendable {
  private let watchers: Mutex<[String: Int]> = Mutex([:])

  func finished(_ asked: AskedRequest, _ took: Duration) {
    let verb: String = (asked.info?.verb ?? asked.method).uppercased()
    let resource: String = asked.info?.resource ?? ""
    let labels: [(String, String)] = [("verb", verb), ("group", asked.info?.group ?? ""), ("resource", resource)]
    Counter(label: "apiserver_request_total", dimensions: labels + [("code", String(asked.status))]).increment()
    // How long somebody watched says nothing about the server.
    if verb != "WATCH" {
      Timer(label: "apiserver_request_duration_seconds", dimensions: labels).recordNanoseconds(took.inNanoseconds)
    }
  }

  func watchStarted(_ resource: ResourceName) { count(resource, 1) }
  func watchEnded(_ resource: ResourceName) { count(resource, -1) }

  private func count(_ resource: ResourceName, _ change: Int) {
    let now: Int = watchers.withLock { watchers in
      watchers[resource.description, default: 0] += change
      return watchers[resource.description, default: 0]
    }
    Gauge(label: "apiserver_longrunning_requests", dimensions: [("verb", "WATCH"), ("resource", resource.description)]).record(now)
  }
}
