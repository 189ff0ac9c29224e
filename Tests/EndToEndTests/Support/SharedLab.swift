import Processes
import Testing

/// Brings one lab up for all tests of a suite and takes it down after them.
struct SharedLab: SuiteTrait, TestScoping {
  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
    let machine = try await Machine()
    var patient = TestLab(machine: machine)
    try patient.becomePatient()
    let lab: TestLab = patient
    do {
      let before: Traces = try await machine.traces()
      var said: Said?
      let took: Duration = try await elapsed { said = try await lab.up() }
      print("lab up, with the workload's images: \(Int(took.milliseconds)) ms")
      guard said?.status == 0 else { throw TestTrouble("\(said?.description ?? "")\n\(lab.lastWords())") }
      try await Self.$current.withValue(lab) { try await function() }
      if ProcessEnvironment.current["TRICENTER_TEST_KEEP"] == "1" {
        try await Command("cp", "-r", "\(lab.directory)/logs", "\(machine.folder)/logs").run()
      }
      try await lab.down().passed()
      let left: [String] = try await machine.traces().differences(from: before)
      if !left.isEmpty { Issue.record("`lab down` after all the tests: \(left.joined(separator: "; "))") }
    } catch {
      await machine.stop()
      throw error
    }
    await machine.stop()
  }

  @TaskLocal static var current: TestLab?
}

/// Everything that one lab in namespaces is enough for. Suites about one topic each are in the files beside this one; each leaves the
/// lab as it found it.
@Suite(
  "A lab in namespaces", .serialized, .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")), SharedLab())
struct LabSuite {
  static func lab() throws -> TestLab { try #require(SharedLab.current) }
}

enum Client {
  static let kubectl: Bool = findProgram("kubectl") != nil
  static let etcdctl: Bool = findProgram("etcdctl") != nil
  static let dig: Bool = findProgram("dig") != nil
  static let openssl: Bool = findProgram("openssl") != nil
  static let curl: Bool = findProgram("curl") != nil
}
