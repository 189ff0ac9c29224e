import ArgumentParser
import Dispatch
import Glibc
import KubeModel
import Observability
import Primitives
import Site
import Torture

/// Full load, links of 30 ms, disks that stand still: does anybody call an election?
struct TortureSteady: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "steady",
    abstract: "Five members under full load while their disks stand still now and then: no election that was not needed.",
    discussion: """
      Members run as in `torture store`, each with its folder on an ext4 of its own on a loop device, which FIFREEZE makes stand still. Every \
      election is judged: needed is one whose leader died, whose disk stood still for longer than a leader may need (a second), or that \
      got no processor for longer than followers wait (which the kernel's scheduler tells). Needs root.
      Exit code 0: no needless election; 1: there was one; 2: the run could not be made.
      """)

  @Option(help: "How long; 60 is what a release needs.") var minutes: Double = 60
  @Option(help: "The same seed makes the same stalls.") var seed: UInt64?
  @Option(help: "Clients of one member, 1 to 200, each without a pause between two calls.") var clients: Int = 13
  @Option(help: "How long a disk stands still.") var stall: String = "250ms"
  @Option(help: "The mean time between two stalls.") var every: String = "5s"
  @Option(help: "Where members lie; the parent must be there.") var directory: String?
  @Option(help: "text or json; progress goes to the error output.") var output: OutputFormat = .text
  @Flag(help: .hidden) var inMachine: Bool = false

  private static func duration(_ text: String, _ name: String, _ bounds: ClosedRange<Duration>) throws -> Duration {
    guard let value = Duration(siteText: text), bounds.contains(value) else {
      throw ValidationError("--\(name) \(text) is not a time within \(bounds.lowerBound) and \(bounds.upperBound), such as 250ms")
    }
    return value
  }
  private func stallDuration() throws -> Duration {
    let bounds: ClosedRange<Int> = TortureLimits.stallMilliseconds
    return try Self.duration(stall, "stall", Duration.milliseconds(bounds.lowerBound)...Duration.milliseconds(bounds.upperBound))
  }
  private func everyDuration() throws -> Duration {
    try Self.duration(every, "every", Duration.milliseconds(100)...Duration.seconds(3_600))
  }

  func validate() throws {
    guard TortureLimits.minutes.contains(minutes) else {
      throw ValidationError("--minutes takes \(TortureLimits.minutes.lowerBound) to \(TortureLimits.minutes.upperBound)")
    }
    guard (1...200).contains(clients) else { throw ValidationError("--clients takes 1 to 200") }
    _ = try (stallDuration(), everyDuration())
  }

  func run() async throws {
    Logs.bootstrap(level: .error)
    let seed: UInt64 = seed ?? UInt64.random(in: 1...999_999)
    let directory: String = LabOptions.absolute(directory ?? "/var/tmp/tricenter-steady-\(getpid())")
    if !inMachine {
      let entry: MachineEntry.Choice = await MachineEntry.detect()
      if let obstacle: String = SteadyTorture.obstacle(entry) {
        printError("Disks cannot be made to stand still here: \(obstacle). Without that the run would show nothing.")
        throw ExitCode(2)
      }
      guard case .machine(let words) = entry else { throw ExitCode(2) }
      let own: [String] = [
        "torture", "steady", "--in-machine", "--minutes", "\(minutes)", "--seed", "\(seed)", "--clients", "\(clients)", "--stall", stall,
        "--every", every, "--directory", directory, "--output", output.rawValue,
      ]
      throw TortureProblem(MachineEntry.enter(words + [LabOptions.program] + own))
    }
    var steady = SteadyTorture(seed: seed, seconds: minutes * 60, directory: directory, program: LabOptions.program)
    steady.clientsPerMember = clients
    steady.stall = try stallDuration()
    steady.every = try everyDuration()
    steady.progress = { printError($0) }
    let sources: [any DispatchSourceSignal] = endEarly(steady.stopping, "ending: what was seen so far is judged")
    defer { for source in sources { source.cancel() } }
    let report: SteadyReport
    do {
      report = try await steady.run()
    } catch {
      printError("\(error)")
      throw ExitCode(2)
    }
    if report.isClean { StoreTorture.remove(directory) }
    switch output {
    case .text:
      printLine(report.text)
      if !report.isClean { printLine("the members' logs: \(directory)/lab/logs") }
    case .json: printJSON(Self.json(report))
    }
    if !report.isClean { throw ExitCode(1) }
  }

  private static func json(_ report: SteadyReport) -> JSONValue {
    [
      "seed": .int(Int64(bitPattern: report.seed)), "clean": .bool(report.isClean), "seconds": .double(report.seconds),
      "stalls": .int(Int64(report.stallCount)), "leaderStalls": .int(Int64(report.leaderStalls)),
      "longestStallMilliseconds": .int(Int64(report.longestStallMilliseconds)), "writes": .int(Int64(report.writes)),
      "writesPerSecond": .double(report.writesPerSecond), "p50Milliseconds": .double(report.p50Milliseconds),
      "p99Milliseconds": .double(report.p99Milliseconds), "failures": .int(Int64(report.failures)),
      "longestSilenceMilliseconds": .double(report.longestSilenceMilliseconds),
      "longestPauseMilliseconds": .double(report.longestPauseMilliseconds), "elections": .int(Int64(report.elections)),
      "needless": .int(Int64(report.needless)), "term": .int(Int64(report.term)),
      "electionLines": .array(report.electionLines.map { .string($0) }), "problems": .array(report.problems.map { .string($0) }),
    ]
  }
}
