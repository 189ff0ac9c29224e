import ArgumentParser
import Benchmarks
import Glibc
import KubeModel
import Observability

extension BenchCommand {
  /// Us against etcd on this machine, in one run.
  struct StoreCases: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "store", abstract: "Run this store and etcd in turn, with the same data, disk and TLS, and print ratios.",
      discussion: """
        Ratios over 1 are in our favour for operations per second and per CPU-second, under 1 for latency and memory. Quiet the machine first: both \
        servers and the load share its cores.
        Cases: \(BenchmarkCase.allCases.map { "\($0.rawValue) (\($0.summary))" }.joined(separator: ", ")).
        """)
    @Option(help: "The etcd to compare with; the one on PATH by default. May be given several times.") var etcd: [String] = []
    @Option(help: "Cases, separated by commas; all of them by default. Those with a million keys take minutes.") var cases: String?
    @Option(help: "Members of each cluster: 1 or 3.") var members: Int = 1
    @Option(help: "Counted seconds per case and round, 1 to 600.") var seconds: Int = 5
    @Option(help: "Rounds; servers take turns in each.") var rounds: Int = 2
    @Flag(help: "Plain connections instead of mutual TLS.") var plain: Bool = false
    @Flag(help: "Measure this store alone.") var alone: Bool = false
    @Option(help: "Where the servers' data goes: a folder on the disk to be measured; its parent must be there.") var directory: String?
    @Option(help: "text or json") var output: OutputFormat = .text

    func validate() throws {
      guard [1, 3].contains(members), (1...600).contains(seconds), (1...100).contains(rounds) else {
        throw ValidationError("--members takes 1 or 3, --seconds 1 to 600, --rounds 1 to 100")
      }
      _ = try chosen()
    }

    private func chosen() throws -> [BenchmarkCase] {
      guard let cases else { return BenchmarkCase.allCases }
      return try cases.split(separator: ",").map { name in
        guard let known = BenchmarkCase(rawValue: String(name)) else {
          throw ValidationError("There is no case \(name). There are: \(BenchmarkCase.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return known
      }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      var programs: [StoreProgram] = [.tricenter(try Self.ownExecutable())]
      if !alone {
        programs +=
          etcd.isEmpty
          ? [.etcd("etcd")] : etcd.enumerated().map { .etcd($0.element, name: etcd.count == 1 ? "etcd" : "etcd-\($0.offset + 1)") }
      }
      var comparison = StoreComparison(
        programs: programs, cases: try chosen(), directory: directory ?? "/var/tmp/tricenter-bench-\(getpid())")
      comparison.members = members
      comparison.seconds = Double(seconds)
      comparison.rounds = rounds
      comparison.useTLS = !plain
      comparison.progress = { printError($0) }
      let rows: [StoreComparison.Row] = try await comparison.run()
      switch output {
      case .text: printLine(StoreComparison.text(rows, programs: programs))
      case .json: printJSON(.array(rows.map { Self.json($0, programs) }))
      }
    }

    static func ownExecutable() throws -> String {
      var own = [Int8](repeating: 0, count: 4096)
      let length: Int = readlink("/proc/self/exe", &own, own.count - 1)
      guard length > 0 else { throw ValidationError("The path of this program cannot be read from /proc/self/exe.") }
      return String(decoding: own[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func json(_ row: StoreComparison.Row, _ programs: [StoreProgram]) -> JSONValue {
      let servers: [JSONValue] = zip(programs, row.results).map { program, result in
        [
          "server": .string(program.name), "operations": .int(Int64(result.operations)), "failures": .int(Int64(result.failures)),
          "seconds": .double(result.seconds), "per_second": .double(result.perSecond), "p50_ms": .double(result.p50Milliseconds),
          "p99_ms": .double(result.p99Milliseconds), "server_cpu_seconds": .double(result.serverCPUSeconds),
          "resident_mib": result.residentMiB.map { .double($0) } ?? .null,
        ]
      }
      return ["case": .string(row.benchmarkCase.rawValue), "servers": .array(servers)]
    }
  }
}
