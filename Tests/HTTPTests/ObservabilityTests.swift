import HTTP
import HTTPTypes
import NIOCore
import Observability
import Testing

@Suite struct ObservabilityTests {
  @Test func answersWhatProbesAsk() async throws {
    let metrics = PrometheusRegistry()
    metrics.makeCounter(label: "tests_total", dimensions: [("kind", "unit")]).increment(by: 3)
    let health = HealthRegistry()
    health.register("ping", live: true) { nil }
    health.register("store") { "no leader is known" }
    let transport = InProcessTransport(
      responder: ObservabilityResponder(metrics: metrics, health: health, version: #"{"gitVersion":"v1"}"#, next: EchoResponder()),
      peer: nil)
    func ask(_ path: String, _ method: HTTPRequest.Method = .get) async throws -> (Int, String) {
      let response: ClientResponse = try await transport.execute(request(method, path), body: nil)
      return (response.head.status.code, try await response.body.text())
    }
    let metricsAnswer: (Int, String) = try await ask("/metrics")
    #expect(metricsAnswer.0 == 200 && metricsAnswer.1.hasPrefix("# TYPE tests_total counter\ntests_total{kind=\"unit\"} 3\n"))
    // Behind the daemon's own: the process, as Prometheus' client libraries tell of it.
    #expect(metricsAnswer.1.contains("# TYPE process_open_fds gauge\nprocess_open_fds "))
    #expect(try await ask("/livez") == (200, "ok"))
    #expect(try await ask("/livez?verbose") == (200, "[+]ping ok\nhealthz check passed\n"))
    #expect(try await ask("/readyz") == (503, "[+]ping ok\n[-]store failed: no leader is known\nhealthz check failed\n"))
    #expect(try await ask("/version") == (200, #"{"gitVersion":"v1"}"#))
    #expect(try await ask("/metrics", .post).0 == 405)
    #expect(try await ask("/hello") == (200, "hello GET"))
  }
}
