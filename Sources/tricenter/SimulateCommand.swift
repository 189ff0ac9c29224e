import ArgumentParser
import Glibc
import Primitives
import Simulation
import Synchronization

/// `tricenter simulate`: seeded histories of five members in three centers, with checkers.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Runs seeded histories of the whole store (members in three centers, clients, faults) and checks every step.",
    discussion: "Exit code 0: no rule was broken; 1: one was, and how to see it again is printed.")

  enum Output: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Option(help: "How many histories.") var seeds: UInt64 = 1000
  @Option(help: "The first seed.") var from: UInt64 = 1
  @Option(help: "Workers; all cores by default.") var workers: Int?
  @Option(help: "Stop after this many failures.") var maxFailures: Int = 10
  @Option(help: "One weather for all instead of the seed's own: \(Weather.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var weather: String?
  @Option(help: "Plant a bug: \(SimulationDefect.allCases.map(\.rawValue).joined(separator: ", ")). Those of Raft need a debug build.")
  var defect: String?
  @Flag(help: "Print the last steps of the first history that fails, or of the only one.") var trace: Bool = false
  @Option(help: "text or json.") var output: Output = .text

  func validate() throws {
    if let weather, Weather.Kind(rawValue: weather) == nil { throw ValidationError("there is no weather \"\(weather)\"") }
    if let defect, SimulationDefect(rawValue: defect) == nil { throw ValidationError("there is no defect \"\(defect)\"") }
    if seeds == 0 || seeds > 1 << 40 { throw ValidationError("--seeds takes 1 to \(1 << 40)") }
    if from > UInt64.max - seeds { throw ValidationError("--from is too large for that many seeds") }
  }

  func run() async throws {
    var options = SimulationOptions(defect: defect.flatMap { SimulationDefect(rawValue: $0) })
    options.weatherKind = weather.flatMap { Weather.Kind(rawValue: $0) }
    let runner = SeedRunner(options: options, workers: workers ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), maxFailures: maxFailures)
    let clock = SystemClock()
    let start: MonotonicTime = clock.now()
    let progress = Progress(start: start, wanted: seeds)
    let totals: SeedRunner.Totals = await runner.run(from: from, count: seeds) { totals in progress.tell(totals, clock.now()) }
    let seconds: Double = (clock.now() - start).inMilliseconds / 1000
    output == .json ? writeJSON(totals, seconds) : writeText(totals, seconds)
    if trace, let seed = totals.failures.first?.seed ?? (seeds == 1 ? from : nil) {
      options.keepsTrace = true
      for line in Simulation.run(seed, options).trace { writeError(line) }
    }
    if !totals.failures.isEmpty { throw ExitCode(1) }
  }

  /// A line every two seconds on the error output, and one for each failure as it happens.
  private final class Progress: Sendable {
    private struct Told: Sendable {
      var next: MonotonicTime
      var failures: Int = 0
    }
    private let told: Mutex<Told>
    private let start: MonotonicTime
    private let wanted: UInt64
    init(start: MonotonicTime, wanted: UInt64) {
      self.start = start
      self.wanted = wanted
      told = Mutex(Told(next: start + .seconds(2)))
    }

    func tell(_ totals: SeedRunner.Totals, _ now: MonotonicTime) {
      let (isDue, failures): (Bool, ArraySlice<SimulationReport>) = told.withLock { told in
        let failures: ArraySlice<SimulationReport> = totals.failures.dropFirst(told.failures)
        told.failures = max(told.failures, totals.failures.count)
        guard now >= told.next else { return (false, failures) }
        told.next = now + .seconds(2)
        return (true, failures)
      }
      for failure in failures { writeError("seed \(failure.seed) failed: \(failure.violation?.description ?? "")") }
      guard isDue else { return }
      let rate: Double = Double(totals.seeds) / max(0.001, (now - start).inMilliseconds / 1000)
      writeError("\(totals.seeds) of \(wanted) histories, \(Int(rate)) per second, \(totals.failures.count) failed")
    }
  }

  private func writeText(_ totals: SeedRunner.Totals, _ seconds: Double) {
    for failure in totals.failures {
      print("seed \(failure.seed) (\(failure.weather.kind.rawValue)): \(failure.violation?.description ?? "")")
      print("  see it again: \(failure.replayCommand)\(defect.map { " --defect \($0)" } ?? "")\(weather.map { " --weather \($0)" } ?? "")")
    }
    print(totals.summary(seconds: seconds))
  }

  private func writeJSON(_ totals: SeedRunner.Totals, _ seconds: Double) {
    let times: [Double] = totals.failoverMilliseconds
    let failures: [String] = totals.failures.map { failure in
      "{\"seed\":\(failure.seed),\"weather\":\"\(failure.weather.kind.rawValue)\",\"rule\":\"\(failure.violation?.rule.rawValue ?? "")\","
        + "\"sentence\":\(Self.quoted(failure.violation?.sentence ?? "")),\"at_ms\":\((failure.violation?.time ?? 0) / 1000),"
        + "\"replay\":\(Self.quoted(failure.replayCommand))}"
    }
    let fields: [String] = [
      "\"histories\":\(totals.seeds)", "\"seconds\":\(Self.rounded(seconds))",
      "\"histories_per_second\":\(Self.rounded(Double(totals.seeds) / max(0.001, seconds)))",
      "\"simulated_seconds\":\(Self.rounded(totals.simulatedSeconds))", "\"events\":\(totals.events)",
      "\"messages\":\(totals.messages)", "\"acknowledged_writes\":\(totals.acknowledgedWrites)",
      "\"reads\":\(totals.servedReads)", "\"unknown\":\(totals.unknownOutcomes)", "\"elections\":\(totals.elections)",
      "\"crashes\":\(totals.crashes)", "\"torn_writes\":\(totals.tornWrites)",
      "\"snapshots_installed\":\(totals.snapshotsInstalled)", "\"watch_events\":\(totals.watchEvents)",
      "\"member_changes\":\(totals.changes)", "\"damages_found\":\(totals.damagesFound)",
      "\"recoveries\":\(totals.recoveries)", "\"handed_in\":\(totals.handedIn)", "\"repairs\":\(totals.repairs)",
      "\"full_disks\":\(totals.fullDisks)",
      "\"tails_lost\":\(totals.tailsLost)", "\"stopped_by_disk\":\(totals.stoppedByDisk)",
      "\"failover_ms\":\(Self.spread(times))", "\"failures\":[\(failures.joined(separator: ","))]",
    ]
    print("{\(fields.joined(separator: ","))}")
  }

  private static func spread(_ times: [Double]) -> String {
    let (least, most): (Int, Int) = (Int(times.first ?? 0), Int(times.last ?? 0))
    let median: Int = Int(times.isEmpty ? 0 : times[times.count / 2])
    return "{\"count\":\(times.count),\"least\":\(least),\"median\":\(median),\"most\":\(most)}"
  }

  private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

  private static func quoted(_ text: String) -> String {
    var quoted: String = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\\(scalar)"
      case _ where scalar.value < 0x20: quoted += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

private func writeError(_ line: String) {
  var bytes: [UInt8] = Array(line.utf8)
  bytes.append(10)
  _ = write(2, bytes, bytes.count)
}
