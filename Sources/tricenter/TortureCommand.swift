import ArgumentParser
import Dispatch
import Glibc
import KubeModel
import Observability
import Torture

struct TortureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "torture", abstract: "Real processes under faults, with clients that record and rules that judge.",
    subcommands: [TortureStore.self, TortureSteady.self, TortureCheck.self])
}

struct TortureStore: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store",
    abstract: "Five members under kill -9, freezes, cuts, delay, loss, other clocks and full disks; are their answers linearizable?",
    discussion: """
      Members run as in the lab (2-2-1) in a machine of their own: namespaces, the wide-area element, small disks; as an ordinary user in \
      a user namespace, and where that is refused on loopback, which says what it cannot do. Clients in every center put, compare, read, \
      delete, hold leases and watch over TLS. Faults come from the seed; each is undone at its deadline. In the end all members must \
      serve, be equal, and the history must be one that a single store could have told.
      Exit code 0: clean; 1: a rule was broken, and the history is kept; 2: the run could not be made.
      """)

  @Option(help: "How long; 15 is what a release needs.") var minutes: Double = 15
  @Option(help: "Whatever was run before can be run again.") var seed: UInt64?
  @Option(help: "Clients of one member, 1 to 50; lease holders and watchers come on top.") var clients: Int = 3
  @Option(help: "Where members and histories lie; the parent must be there.") var directory: String?
  @Option(help: "text or json; progress goes to the error output.") var output: OutputFormat = .text
  @Flag(help: "Loopback addresses, whatever this machine allows.") var loopback: Bool = false
  @Flag(help: .hidden) var inMachine: Bool = false

  func validate() throws {
    guard TortureLimits.minutes.contains(minutes) else {
      throw ValidationError("--minutes takes \(TortureLimits.minutes.lowerBound) to \(TortureLimits.minutes.upperBound)")
    }
    guard (1...50).contains(clients) else { throw ValidationError("--clients takes 1 to 50") }
  }

  func run() async throws {
    Logs.bootstrap(level: .error)
    var reason: String? = loopback ? "--loopback asks for it" : nil
    let seed: UInt64 = seed ?? UInt64.random(in: 1...999_999)
    let directory: String = LabOptions.absolute(directory ?? "/var/tmp/tricenter-torture-\(getpid())")
    if !inMachine, !loopback {
      switch await MachineEntry.detect() {
      case .machine(let words):
        let own: [String] = [
          "torture", "store", "--in-machine", "--minutes", "\(minutes)", "--seed", "\(seed)", "--clients", "\(clients)", "--directory",
          directory, "--output", output.rawValue,
        ]
        throw TortureProblem(MachineEntry.enter(words + [LabOptions.program] + own))
      case .loopback(let why): reason = why
      }
    }
    var torture = StoreTorture(
      seed: seed, seconds: minutes * 60, directory: directory, program: LabOptions.program, loopback: reason)
    torture.clientsPerMember = clients
    torture.progress = { printError($0) }
    let sources: [any DispatchSourceSignal] = endEarly(torture.stopping, "ending: faults are undone, what was recorded is judged")
    defer { for source in sources { source.cancel() } }
    let report: TortureReport
    do {
      report = try await torture.run()
    } catch {
      printError("\(error)")
      throw ExitCode(2)
    }
    var kept: String?
    if report.isClean {
      StoreTorture.remove(directory)
    } else {
      kept = "\(directory)/history-\(seed).txt"
      try report.write(to: kept ?? "")
    }
    switch output {
    case .text:
      printLine(report.text)
      if let kept { printLine("history: \(kept)\nagain:   tricenter torture store --minutes \(minutes) --seed \(seed)") }
    case .json: printJSON(Self.json(report, kept))
    }
    if !report.isClean { throw ExitCode(1) }
  }

  private static func json(_ report: TortureReport, _ kept: String?) -> JSONValue {
    var (counts, begun): (JSONObject, JSONObject) = (JSONObject(), JSONObject())
    for fault in report.faults {
      counts[fault.kind] = .int(Int64(fault.happened))
      begun[fault.kind] = .int(Int64(fault.begun))
    }
    return [
      "seed": .int(Int64(bitPattern: report.seed)), "clean": .bool(report.isClean), "seconds": .double(report.seconds),
      "ground": .string(report.ground), "missing": .array(report.missing.map { .string($0) }), "faults": .object(counts),
      "begun": .object(begun),
      "answered": .int(Int64(report.answered)), "unknown": .int(Int64(report.verdict.unknown)), "keys": .int(Int64(report.verdict.keys)),
      "changes": .int(Int64(report.verdict.changes)), "elections": .int(Int64(report.elections)),
      "longestWriteGapMilliseconds": .int(Int64(report.longestWriteGapMilliseconds)),
      "recoveryMilliseconds": .double(report.recovery.inMilliseconds), "endedByThemselves": .int(Int64(report.restarts)),
      "problems": .array(report.problems.map { .string($0) }),
      "violations": .array(report.verdict.violations.map { .string($0.description) }),
      "history": kept.map { .string($0) } ?? .null,
    ]
  }
}

/// Judges a history that was kept.
struct TortureCheck: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "check", abstract: "Judge a history that `torture store` kept, again.")
  @Argument(help: "history-SEED.txt") var file: String

  func run() throws {
    let violations: [String] = try StoreTorture.check(file)
    for violation in violations { printLine("VIOLATION  \(violation)") }
    printLine(violations.isEmpty ? "clean" : "NOT clean: \(violations.count) violations")
    if !violations.isEmpty { throw ExitCode(1) }
  }
}

/// SIGINT and SIGTERM end a run in order, as long as what is returned is kept.
func endEarly(_ stopping: StoreTorture.Stopping, _ sentence: String) -> [any DispatchSourceSignal] {
  [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source: any DispatchSourceSignal = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      printError(sentence)
      stopping.stop()
    }
    source.resume()
    return source
  }
}

struct TortureProblem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
