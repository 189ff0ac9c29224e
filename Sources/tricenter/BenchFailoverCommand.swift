import ArgumentParser
import Benchmarks
import Glibc
import KubeModel
import Observability

extension BenchCommand {
  /// How long nothing is acknowledged after the leader's center was killed: us and etcd on this machine.
  struct LeaderKills: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "failover", abstract: "Kill the leader's center of five members again and again, and time the first acknowledged write.",
      discussion: """
        Five members on loopback over mutual TLS, in centers of two, two and one, with each program's own timing. All processes of the center that \
        leads get SIGKILL at once; writers on the survivors begin a put every 10 ms until one is acknowledged; then the dead are started again.
        """)
    @Option(help: "The etcd to compare with; the one on PATH by default. May be given several times.") var etcd: [String] = []
    @Option(help: "Kills for each program, 1 to 1000.") var kills: Int = 50
    @Flag(help: "Measure this store alone.") var alone: Bool = false
    @Option(help: "Where the servers' data goes; its parent must be there.") var directory: String?
    @Option(help: "text or json") var output: OutputFormat = .text

    func validate() throws {
      guard (1...1000).contains(kills) else { throw ValidationError("--kills takes 1 to 1000") }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      var programs: [StoreProgram] = [.tricenter(try StoreCases.ownExecutable())]
      if !alone {
        programs +=
          etcd.isEmpty
          ? [.etcd("etcd")] : etcd.enumerated().map { .etcd($0.element, name: etcd.count == 1 ? "etcd" : "etcd-\($0.offset + 1)") }
      }
      var loss = LeaderLoss(programs: programs, directory: directory ?? "/var/tmp/tricenter-bench-\(getpid())")
      loss.kills = kills
      loss.progress = { printError($0) }
      let outcomes: [LeaderLoss.Outcome] = try await loss.run()
      switch output {
      case .text: printLine(LeaderLoss.text(outcomes))
      case .json:
        printJSON(
          .array(
            outcomes.map { outcome in
              [
                "server": .string(outcome.program), "kills": .int(Int64(outcome.milliseconds.count)),
                "p50_ms": .double(outcome.percentile(0.5)), "p99_ms": .double(outcome.percentile(0.99)),
                "max_ms": .double(outcome.percentile(1)), "milliseconds": .array(outcome.milliseconds.map { .double($0) }),
              ]
            }))
      }
    }
  }
}
