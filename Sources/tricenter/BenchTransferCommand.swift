import ArgumentParser
import Benchmarks
import Glibc
import KubeModel
import Observability
import Torture

/// Benchmarks over the lab's lines run in a machine of their own (network, mount and process namespaces).
enum BenchMachine {
  /// Brings up five hosts and their lines; the first call replaces this process by one inside the machine, with `again` as its arguments.
  static func ground(isInside: Bool, directory: String, again: [String]) async throws -> FarGround {
    guard isInside else {
      switch await MachineEntry.detect() {
      case .machine(let words):
        let reason: String = MachineEntry.enter(words + [LabOptions.program] + again + ["--in-machine", "--directory", directory])
        throw ValidationError(reason)
      case .loopback(let reason): throw ValidationError("The lab's lines need namespaces: \(reason).")
      }
    }
    try await MachineEntry.settle()
    return try await .bringUp(directory: directory, siteText: TortureLayout.siteText, program: LabOptions.program)
  }
}

extension BenchCommand {
  /// How long clients wait while the leadership is moved on purpose.
  struct Transfers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "transfer", abstract: "Move the leadership to another center again and again under writes, and time the pause.",
      discussion: """
        Five members over mutual TLS on loopback, or with --far in namespaces over the lab's lines (2 ms between the centers of a city, 30 ms to \
        the other city); one client per member, each with a put after the other. A pause is the time between two acknowledged puts of one client.
        """)
    @Option(help: "The etcd to compare with; none by default. May be given several times.") var etcd: [String] = []
    @Option(help: "Moves for each program, 1 to 1000.") var times: Int = 50
    @Flag(help: "Over the lab's lines, in namespaces.") var far: Bool = false
    @Option(help: "Where the servers' data goes; its parent must be there.") var directory: String?
    @Option(help: "text or json") var output: OutputFormat = .text
    @Flag(help: .hidden) var inMachine: Bool = false

    func validate() throws {
      guard (1...1000).contains(times) else { throw ValidationError("--times takes 1 to 1000") }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      let folder: String = LabOptions.absolute(directory ?? "/var/tmp/tricenter-bench-\(getpid())")
      let programs: [StoreProgram] =
        [.tricenter(LabOptions.program)]
        + etcd.enumerated().map { .etcd($0.element, name: etcd.count == 1 ? "etcd" : "etcd-\($0.offset + 1)") }
      var moves = LeaderMoves(programs: programs, directory: far ? "\(folder)/members" : folder)
      moves.times = times
      moves.progress = { printError($0) }
      if far {
        let again: [String] =
          ["bench", "transfer", "--far", "--times", "\(times)", "--output", output.rawValue] + etcd.flatMap { ["--etcd", $0] }
        moves.ground = try await BenchMachine.ground(isInside: inMachine, directory: folder, again: again)
      }
      let outcomes: [LeaderMoves.Outcome] = try await moves.run()
      moves.ground?.removeFolder()
      switch output {
      case .text: printLine(LeaderMoves.text(outcomes))
      case .json:
        printJSON(
          .array(
            outcomes.map { outcome in
              func figures(_ values: [Double]) -> JSONValue {
                [
                  "p50_ms": .double(Percentile.of(values, 0.5)), "p99_ms": .double(Percentile.of(values, 0.99)),
                  "max_ms": .double(Percentile.of(values, 1)), "milliseconds": .array(values.map { .double($0) }),
                ]
              }
              return [
                "server": .string(outcome.program), "moves": .int(Int64(outcome.pauses.count)),
                "acknowledged": .int(Int64(outcome.acknowledged)), "refused": .int(Int64(outcome.refused)),
                "client_pause": figures(outcome.pauses), "silence": figures(outcome.silences), "answer": figures(outcome.answers),
                "without_move": figures(outcome.calm),
              ]
            }))
      }
    }
  }

  /// What a put costs that the other city must have, beside what wire and disk take by themselves.
  struct Distance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "far", abstract: "Puts over the lab's lines, center-safe and city-safe, beside the round trip and a sync of the disk.",
      discussion: """
        Five members as processes in namespaces, 2 ms between the centers of a city and 30 ms to the other city. The round trip is timed by TCP's \
        handshake from the leader's host to the far one, a sync by writing 4 KiB to the members' disk, both before, between and after the puts.
        """)
    @Option(help: "Clients that each wait for an answer before they ask again.") var clients: Int = 1
    @Option(help: "Seconds for each case, 1 to 600.") var seconds: Int = 12
    @Option(help: "Where the servers' data goes: a folder on the disk to be measured; its parent must be there.") var directory: String?
    @Option(help: "text or json") var output: OutputFormat = .text
    @Flag(help: .hidden) var inMachine: Bool = false

    func validate() throws {
      guard (1...1000).contains(clients), (1...600).contains(seconds) else {
        throw ValidationError("--clients takes 1 to 1000, --seconds 1 to 600")
      }
    }

    func run() async throws {
      Logs.bootstrap(level: .error)
      let folder: String = LabOptions.absolute(directory ?? "/var/tmp/tricenter-bench-\(getpid())")
      let again: [String] = ["bench", "far", "--clients", "\(clients)", "--seconds", "\(seconds)", "--output", output.rawValue]
      let ground: FarGround = try await BenchMachine.ground(isInside: inMachine, directory: folder, again: again)
      var puts = FarPuts(program: .tricenter(LabOptions.program), ground: ground, directory: "\(folder)/members")
      puts.clients = clients
      puts.seconds = Double(seconds)
      puts.progress = { printError($0) }
      let outcome: FarPuts.Outcome = try await puts.run()
      ground.removeFolder()
      switch output {
      case .text: printLine(FarPuts.text(outcome))
      case .json:
        printJSON([
          "leader": .string(outcome.leader), "round_trip_ms": .double(outcome.roundTripMilliseconds),
          "sync_ms": .double(outcome.syncMilliseconds), "budget_ms": .double(outcome.budgetMilliseconds),
          "cases": .array(
            outcome.rows.map { row in
              [
                "member": .string(row.member), "durability": .string(row.durability), "p50_ms": .double(row.result.p50Milliseconds),
                "p99_ms": .double(row.result.p99Milliseconds), "puts": .int(Int64(row.result.operations)),
                "failed": .int(Int64(row.result.failures)),
              ]
            }),
        ])
      }
    }
  }
}
