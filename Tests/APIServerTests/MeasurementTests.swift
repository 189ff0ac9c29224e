import Glibc
import HTTPTypes
import KubeModel
import Primitives
import Testing

@testable import APIServer

/// Figures for the README, printed and never asserted. In process, so without HTTP and TLS: what the server itself costs.
@Suite("Figures", .serialized) struct MeasurementTests {
  private static func cpu() -> Double {
    var usage = rusage()
    getrusage(0, &usage)  // RUSAGE_SELF
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }

  private func measure(_ what: String, _ count: Int, _ body: () async throws -> Void) async rethrows {
    let (start, cpu): (MonotonicTime, Double) = (SystemClock().now(), Self.cpu())
    try await body()
    let seconds: Double = (SystemClock().now() - start).inMilliseconds / 1000
    let each: Double = (Self.cpu() - cpu) / Double(count) * 1e6
    print("measured: \(what): \(Int(Double(count) / seconds))/s, \((each * 10).rounded() / 10) µs CPU each")
  }

  @Test("requests, lists and fan-out") func figures() async throws {
    #if DEBUG
      let scale: Int = 1
    #else
      let scale: Int = 10
    #endif
    try await TestServer.run { (test: TestServer) async throws in
      let path: String = "/api/v1/namespaces/default/pods"
      let pods: Int = 100 * scale
      try await measure("create pod", pods) {
        for index in 0..<pods { try await test.ask(.post, path, pod("p\(index)", labels: ["app": index % 10 == 0 ? "web" : "db"])) }
      }
      let size: Int = try await test.ask(.get, path + "/p0").text.utf8.count
      try await measure("get pod of \(size) B, linearizable", 100 * scale) {
        for _ in 0..<100 * scale { _ = try await test.open(.get, path + "/p0").body.next() }
      }
      try await measure("list of \(pods) pods, per pod", 10 * pods) {
        for _ in 0..<10 { _ = try await test.open(.get, path).body.collect(upTo: 64 << 20) }
      }
      try await measure("list of \(pods) pods by label, per pod looked at", 10 * pods) {
        for _ in 0..<10 { _ = try await test.open(.get, path + "?labelSelector=app%3Dweb").body.collect(upTo: 64 << 20) }
      }
      let watchers: Int = 20 * scale
      let changes: Int = 20
      let version: String = try await test.ask(.get, path).object.resourceVersion
      var opened: [TestWatch] = []
      for _ in 0..<watchers { opened.append(try await test.watch("\(path)?watch=1&resourceVersion=\(version)")) }
      let merge: String = "application/merge-patch+json"
      try await measure("patch pod status, \(watchers) watchers each told, per event told", watchers * changes) {
        for index in 0..<changes {
          try await test.ask(.patch, path + "/p0/status", ["status": ["podIP": .string("10.1.0.\(index)")]], type: merge)
        }
        for watch in opened { for _ in 0..<changes { _ = try await watch.line() } }
      }
    }
  }
}
