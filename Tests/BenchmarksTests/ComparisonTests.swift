import Benchmarks
import Glibc
import Processes
import Testing

/// Comparisons with real processes: Debian's etcd against itself, so that the instrument is tested and not the one measured.
@Suite(.serialized) struct ComparisonTests {
  static let etcd: String? = findProgram("etcd")

  private func comparison(_ cases: [BenchmarkCase], members: Int, tls: Bool) -> StoreComparison {
    let program: StoreProgram = .etcd(Self.etcd ?? "etcd")
    var comparison = StoreComparison(
      programs: [program, .etcd(Self.etcd ?? "etcd", name: "again")], cases: cases,
      directory: "/tmp/tricenter-bench-\(getpid())-\(members)-\(tls)")
    comparison.members = members
    comparison.seconds = 0.15
    comparison.rounds = 1
    comparison.useTLS = tls
    return comparison
  }

  @Test(.enabled(if: etcd != nil, "etcd is not installed (Debian's etcd-server)"))
  func everyCaseIsAnsweredWithoutAFailure() async throws {
    let cases: [BenchmarkCase] = BenchmarkCase.allCases.filter { ![.memory, .memoryByPuts, .getOfMillion].contains($0) }
    let whole: StoreComparison = comparison(cases, members: 1, tls: true)
    let rows: [StoreComparison.Row] = try await whole.run()
    #expect(rows.map(\.benchmarkCase) == cases)
    for row in rows {
      #expect(row.results.count == 2)
      for result in row.results {
        #expect(result.failures == 0, "\(row.benchmarkCase)")
        #expect(result.operations > 0, "\(row.benchmarkCase)")
        #expect(result.p50Milliseconds > 0 && result.p50Milliseconds <= result.p99Milliseconds, "\(row.benchmarkCase)")
      }
    }
    #expect(access(whole.directory, F_OK) != 0, "the comparison's folder stays behind")
  }

  @Test(.enabled(if: etcd != nil, "etcd is not installed (Debian's etcd-server)"))
  func threeMembersWithoutTLS() async throws {
    let rows: [StoreComparison.Row] = try await comparison([.put64], members: 3, tls: false).run()
    for result in rows.flatMap(\.results) { #expect(result.failures == 0 && result.operations > 0) }
  }

  @Test func aServerThatEndsIsToldWithItsLastWords() async throws {
    var broken = StoreComparison(
      programs: [StoreProgram(name: "broken", command: ["/bin/sh", "-c", "echo no such luck; exit 3"])], cases: [.put1],
      directory: "/tmp/tricenter-bench-\(getpid())-broken")
    broken.rounds = 1
    do {
      _ = try await broken.run()
      Issue.record("a server that ends at once was measured")
    } catch let error as BenchmarkError {
      #expect(error.code == .server)
      #expect(error.message.contains("no such luck"))
    }
  }

  @Test func theTableHasRatiosOfTheFirstToTheOthers() {
    var first = LoadResult()
    (first.operations, first.seconds, first.serverCPUSeconds, first.p50Milliseconds, first.p99Milliseconds) = (4000, 2, 0.4, 1.5, 4)
    var second = LoadResult()
    (second.operations, second.seconds, second.serverCPUSeconds, second.p50Milliseconds, second.p99Milliseconds) = (1000, 2, 0.3, 3, 8)
    let ratio = StoreComparison.Ratio(first, second)
    #expect(ratio.rate == 4)
    #expect(ratio.p50 == 0.5)
    #expect(abs((ratio.workPerCPU ?? 0) - 3) < 1e-9)
    #expect(ratio.memory == nil)
    let row = StoreComparison.Row(benchmarkCase: .put64, results: [first, second])
    let programs: [StoreProgram] = [.tricenter("tricenter"), .etcd("etcd")]
    let text: String = StoreComparison.text([row], programs: programs)
    #expect(
      text == """
        case    server     per second  p50 ms  p99 ms  CPU s per 1000  MiB  failed
        put-64  tricenter        2000     1.5     4.0             0.1            0
                etcd              500     3.0     8.0             0.3            0
                  / etcd         4.0x    0.5x    0.5x            3.0x             
        """)
  }
}
