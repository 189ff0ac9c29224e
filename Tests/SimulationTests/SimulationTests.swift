import Glibc
import Primitives
import Simulation
import TestSupport
import Testing

/// `TRICENTER_SEEDS` says how many (20,000 by default), `TRICENTER_FIRST_SEED` from where on (1); `TRICENTER_TRACE` prints what happened in
/// the first one that fails, or in the only one.
@Suite(.serialized) struct SimulationTests {
  static func number(_ name: String, _ standard: UInt64) -> UInt64 { getenv(name).flatMap { UInt64(String(cString: $0)) } ?? standard }

  static func runner(_ options: SimulationOptions = SimulationOptions()) -> SeedRunner {
    SeedRunner(options: options, workers: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Seeds that once found a bug, here or in a long run, and the bugs are gone. One per line, with the weather if it was not the seed's
  /// own; `#` begins a remark.
  static func keptSeeds() throws -> [(seed: UInt64, weather: Weather.Kind?)] {
    try Transcript.readText(testdata(#filePath, "seeds.txt")).split(separator: "\n").compactMap { line in
      let words: [Substring] = line.prefix { $0 != "#" }.split(separator: " ")
      guard let first = words.first else { return nil }
      guard let seed = UInt64(first) else { throw SeedError(line: String(line)) }
      guard words.count > 1 else { return (seed, nil) }
      guard let kind = Weather.Kind(rawValue: String(words[1])) else { throw SeedError(line: String(line)) }
      return (seed, kind)
    }
  }

  struct SeedError: Error { var line: String }

  static func expectClean(_ totals: SeedRunner.Totals) {
    for failure in totals.failures {
      Issue.record(
        """
        seed \(failure.seed) (\(failure.weather.kind.rawValue)): \(failure.violation?.description ?? "")
        replay: \(failure.replayCommand)
        keep:   add \(failure.seed) to Tests/SimulationTests/testdata/seeds.txt
        """)
    }
    if let first = totals.failures.first { printTrace(first.seed) }
  }

  static func printTrace(_ seed: UInt64) {
    guard getenv("TRICENTER_TRACE") != nil else { return }
    var options = SimulationOptions()
    options.keepsTrace = true
    for line in Simulation.run(seed, options).trace { print(line) }
  }

  @Test func seedsThatFoundABugStayQuiet() async throws {
    let kept: [(seed: UInt64, weather: Weather.Kind?)] = try Self.keptSeeds()
    #expect(kept.count > 4)
    for weather in [nil] + Weather.Kind.allCases.map(Optional.some) {
      var options = SimulationOptions()
      options.weatherKind = weather
      let seeds: [UInt64] = kept.filter { $0.weather == weather }.map(\.seed)
      if !seeds.isEmpty { Self.expectClean(await Self.runner(options).run(seeds)) }
    }
  }

  @Test func manyHistoriesBreakNoRule() async {
    let first: UInt64 = Self.number("TRICENTER_FIRST_SEED", 1)
    let count: UInt64 = Self.number("TRICENTER_SEEDS", 20_000)
    let start: MonotonicTime = SystemClock().now()
    let totals: SeedRunner.Totals = await Self.runner().run(from: first, count: count)
    let seconds: Double = (SystemClock().now() - start).inMilliseconds / 1000
    Self.expectClean(totals)
    if count == 1, totals.failures.isEmpty { Self.printTrace(first) }
    print(totals.summary(seconds: seconds))
  }

  @Test func theSameSeedIsTheSameHistory() {
    for seed: UInt64 in 1...25 {
      let first: SimulationReport = Simulation.run(seed)
      let second: SimulationReport = Simulation.run(seed)
      #expect(first.digest == second.digest, "seed \(seed)")
      #expect(first.events == second.events, "seed \(seed)")
    }
  }
}
