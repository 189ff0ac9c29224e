import Simulation
import Testing

/// Bugs planted on purpose, each of which must be found within a few hundred histories: a checker that never caught one proves nothing.
@Suite(.serialized) struct DefectTests {
  static let limit: Int = 600

  private func find(_ options: SimulationOptions) async -> (seeds: Int, violation: Violation?) {
    var runner = SimulationTests.runner(options)
    runner.maxFailures = 1
    let totals: SeedRunner.Totals = await runner.run((1...Self.limit).map { UInt64($0) })
    return (totals.seeds, totals.failures.first?.violation)
  }

  @Test(arguments: SimulationDefect.allCases) func aPlantedBugIsFound(_ defect: SimulationDefect) async {
    let (seeds, violation): (Int, Violation?) = await find(SimulationOptions(defect: defect))
    print("\(defect.rawValue): found after \(seeds) histories: \(violation?.description ?? "not found")")
    #expect(violation != nil, "\(defect.rawValue) was not found in \(Self.limit) histories")
  }

  /// The same without looking at the disks at every commit: what members and clients see is enough.
  @Test(arguments: [SimulationDefect.acknowledgesBeforePersisting, .saysPersistedTooEarly, .commitsBelowMajority, .losesSyncs])
  func aPlantedBugIsFoundByWhatItDoes(_ defect: SimulationDefect) async {
    var options = SimulationOptions(defect: defect)
    options.checksDisksAtCommit = false
    let (seeds, violation): (Int, Violation?) = await find(options)
    print("\(defect.rawValue) from outside: found after \(seeds) histories: \(violation?.description ?? "not found")")
    #expect(violation != nil, "\(defect.rawValue) was not found in \(Self.limit) histories")
  }
}
