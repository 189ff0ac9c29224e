import EtcdAPI
import Glibc
import Logging
import Primitives
import Processes
import Synchronization
import Testing

/// `TRICENTER_ETCDCTL_LOAD=s swift test --filter EtcdctlLoadTests`: etcdctl's own `check perf` (a minute of puts: s 50 connections, m 200,
/// l 500) over mutual TLS, beside a watch of everything. Go reconnects silently when a server breaks its connections, so that such a test
/// passes while it happens: both sides are asked how often it did.
@Suite(.enabled(if: etcdctlIsThere && getenv("TRICENTER_ETCDCTL_LOAD") != nil, "TRICENTER_ETCDCTL_LOAD is not set"))
struct EtcdctlLoadTests {
  @Test func noConnectionIsLost() async throws {
    let load: String = getenv("TRICENTER_ETCDCTL_LOAD").map { String(cString: $0) } ?? "s"
    let warnings = Warnings()
    let logger = Logger(label: "etcd") { _ in warnings }
    try await withServer(logger) { (server: TestServer) async throws -> Void in
      let log: String = server.folder + "/watch.log"
      let pid: pid_t = try startDetached(["etcdctl"] + server.flags + ["watch", "--prefix", ""], log: log)
      defer {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
      let outcome = try await server.run(["--debug", "check", "perf", "--load", load], timeout: .seconds(300))
      print(outcome.output)
      let lines: [Substring] = outcome.errors.split(separator: "\n")
      let clients: Int = lines.filter { $0.contains("parsed scheme: \"endpoint\"") }.count
      // One each, unless a connection broke.
      let connects: Int = lines.filter { $0.contains("Subchannel Connectivity change to CONNECTING") }.count
      let puts: Int64 = server.directory.revision - 1
      print("revisions \(puts), Go clients \(clients), their connections \(connects), warnings of the server \(warnings.count)")
      #expect(clients > 1)
      #expect(connects == clients)
      #expect(warnings.count == 0)
      // The deletions at the end are a revision or two.
      try await eventually("the watch has seen all") { self.puts(in: log) >= puts - 3 }
    }
  }

  private func puts(in log: String) -> Int64 {
    let count: String? = try? Command("grep", "-c", "^PUT$", log).runBlocking().output.text
    return Int64((count ?? "").dropLast()) ?? 0
  }
}

/// Counts, and prints the first ones.
private final class Warnings: LogHandler, Sendable {
  private let total: Atomic<Int> = Atomic(0)
  var count: Int { total.load(ordering: .relaxed) }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .warning }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }
  func log(event: LogEvent) {
    if total.wrappingAdd(1, ordering: .relaxed).newValue <= 5 { print("server: \(event.message)") }
  }
}
