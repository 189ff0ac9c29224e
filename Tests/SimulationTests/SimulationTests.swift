import Glibc
import Simulation
import TestSupport
import Testing

/// `TRICENTER_SEEDS` says how many (2,000 by default), `TRICENTER_FIRST_SEED` from where on (1).
@Suite(.serialized) struct SimulationTests {
  static func number(_ name: String, _ standard: UInt64) -> UInt64 { getenv(name).flatMap { UInt64(String(cString: $0)) } ?? standard }

  static func runner(_ options: SimulationOptions = SimulationOptions()) -> SeedRunner {
    SeedRunner(options: options, workers: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Seeds that once found a bug, here or in a long run, and the bugs are gone. One per line, `#` begins a remark.
  static func keptSeeds() throws -> [UInt64] {
    try Transcript.readText(testdata(#filePath, "seeds.txt")).split(separator: "\n").compactMap { line in
      UInt64(line.prefix { $0 != "#" }.filter { $0 != " " })
    }
  }

  static func expectClean(_ totals: SeedRunner.Totals) {
    for failure in totals.failures {
      Issue.record(
        """
        seed \(failure.seed) (\(failure.weather.kind.rawValue)): \(failure.violation?.description ?? "")
        replay: \(failure.replayCommand)
        keep:   add \(failure.seed) to Tests/SimulationTests/testdata/seeds.txt
        """)
    }
  }

  @Test func seedsThatFoundABugStayQuiet() async throws {
    Self.expectClean(await Self.runner().run(try Self.keptSeeds()))
  }

  @Test func twoThousandHistoriesBreakNoRule() async {
    let first: UInt64 = Self.number("TRICENTER_FIRST_SEED", 1)
    let count: UInt64 = Self.number("TRICENTER_SEEDS", 2000)
    let totals: SeedRunner.Totals = await Self.runner().run(from: first, count: count)
    Self.expectClean(totals)
    print(
      "\(totals.seeds) histories, \(Int(totals.simulatedSeconds)) s simulated, \(totals.events) events, \(totals.acknowledgedWrites) writes, "
        + "\(totals.servedReads) reads, \(totals.unknownOutcomes) unknown, \(totals.elections) elections, \(totals.crashes) crashes, \(totals.tornWrites) torn, \(totals.snapshotsInstalled) snapshots, failover \(totals.failoverMilliseconds.first ?? 0)…\(totals.failoverMilliseconds.last ?? 0) ms"
    )
  }

  @Test func theSameSeedIsTheSameHistory() {
    for seed: UInt64 in 1...12 {
      let first: SimulationReport = Simulation.run(seed)
      let second: SimulationReport = Simulation.run(seed)
      #expect(first.digest == second.digest)
      #expect(first.events == second.events)
    }
  }
}
