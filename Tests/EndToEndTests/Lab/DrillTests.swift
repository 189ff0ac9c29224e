import Glibc
import KubeModel
import Primitives
import Testing

/// The runbooks as people run them, in a copy whose objectives fit whatever machine and build the tests run on: whether an objective is
/// met on a quiet machine is what `sites/lab/drill` and `Tests/run --drills` show.
enum Runbooks {
  static let productionLoss = "\(Program.checkout)/runbooks/production-loss.yaml"

  /// Writes a runbook, changed, beside the workloads that it names. Returns its path.
  static func write(_ name: String, in folder: String, _ change: (String) -> String) throws -> String {
    let text: String = readFile(productionLoss)
    mkdir("\(folder)/runbooks", 0o755)
    mkdir("\(folder)/runbooks/workloads", 0o755)
    try writeFile(readFile("\(Program.checkout)/runbooks/workloads/shop-web.yaml"), to: "\(folder)/runbooks/workloads/shop-web.yaml")
    let path = "\(folder)/runbooks/\(name).yaml"
    try writeFile(change(text), to: path)
    return path
  }

  static func patient(_ text: String) -> String {
    text.replacing("firstWrite: 3s", with: "firstWrite: 30s").replacing("rto: 8s", with: "rto: 60s")
      .replacing("endpointsGone: 3s", with: "endpointsGone: 60s")
      .replacing("timeout: 60s", with: "timeout: 150s").replacing("timeout: 30s", with: "timeout: 60s")
  }

  /// Only its first steps, up to the one with this id.
  static func upTo(_ id: String, _ text: String) -> String {
    guard let found: Range<String.Index> = text.ranges(of: "  - id: \(id)\n").first else { return text }
    return String(text[..<found.lowerBound])
  }
}

extension TestLab {
  func drill(_ runbook: String, report: String) async throws -> (said: Said, report: JSONValue) {
    let said: Said = try await tricenter(
      "drill", "run", runbook, "--directory", directory, "--report", report, timeout: .seconds(600))
    return (said, (try? JSONValue.parse(readFile(report))) ?? .null)
  }
}

/// What every report of a drill that passed holds.
func expectPassed(_ drill: (said: Said, report: JSONValue), _ place: SourceLocation = #_sourceLocation) {
  let report: JSONValue = drill.report
  #expect(drill.said.status == 0, "\(drill.said)", sourceLocation: place)
  #expect(report["verdict"].string == "passed", "\(report["deviations"])", sourceLocation: place)
  #expect(report["lost_writes"].int == 0, sourceLocation: place)
  #expect(report["acknowledged_writes"].int ?? 0 > 100, sourceLocation: place)
  #expect(report["failed_requests"].int != nil, sourceLocation: place)
  for key in ["rto_ms", "first_write_ms", "detection_ms", "election_ms", "activation_ms"] {
    #expect(report[key].double ?? 0 > 0, "\(key) is missing", sourceLocation: place)
  }
  #expect(report["facts"]["epochAfter"].int ?? 0 > report["facts"]["epochBefore"].int ?? .max, sourceLocation: place)
  let events: [JSONValue] = report["timeline"].array
  #expect(events.count > 20 && events.allSatisfy { $0["ms"].double != nil && $0["event"].string != nil }, sourceLocation: place)
  print(
    "drill: first write \(report["first_write_ms"].double ?? -1) ms, first request \(report["rto_ms"].double ?? -1) ms, "
      + "\(report["acknowledged_writes"].int ?? -1) writes acknowledged, \(report["failed_requests"].int ?? -1) requests failed")
}

extension LabSuite {
  @Suite("Drills", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct DrillTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    @Test("the loss of production is survived, and the report says everything") func productionLoss() async throws {
      let runbook: String = try Runbooks.write("loss", in: lab.machine.folder, Runbooks.patient)
      let drill = try await lab.drill(runbook, report: "\(lab.machine.folder)/loss.json")
      expectPassed(drill)
      #expect(drill.report["simulated"].array.isEmpty)
      for host in TestLab.hosts {
        let resident: Double? = drill.report["facts"]["residentMiB.\(host)"].double
        #expect(resident ?? 1_000 < 300, "\(host) holds \(resident ?? -1) MiB")
      }
      // It leaves the lab up: production is back as a standby, and says so.
      #expect(try await lab.activeCenter() == "local-dr")
      let status: JSONValue = try await lab.status()
      #expect(status["active"].string == "local-dr" && status["hosts"].array.allSatisfy { $0["power"].bool == true })
      try await lab.kubectl("wait --for=condition=Ready nodes --all --timeout=60s").passed()
      #expect(drill.said.output.contains("export KUBECONFIG=\(lab.directory)/kubeconfig"))
    }

    @Test("an objective that was not met, or not measured, fails the drill") func unmet() async throws {
      let runbook: String = try Runbooks.write("unmet", in: lab.machine.folder) { Runbooks.upTo("requests", Runbooks.patient($0)) }
      let drill = try await lab.drill(runbook, report: "\(lab.machine.folder)/unmet.json")
      #expect(drill.said.status == 1, "\(drill.said)")
      #expect(drill.report["verdict"].string == "failed")
      #expect("\(drill.report["deviations"])".contains("was not measured"))
    }

    @Test("a step that fails fails the drill, and what must be undone is undone") func failingStep() async throws {
      let runbook: String = try Runbooks.write("failing", in: lab.machine.folder) { _ in
        """
        id: failing
        title: A drill whose first step cannot succeed
        cluster: bank
        steps:
          - { id: wrong, title: remote-dr is active, action: cluster.requireActive, inputs: { center: remote-dr }, timeout: 2s }
          - { id: next, title: Never, action: cluster.requireActive, inputs: { center: production }, timeout: 2s }
          - { id: always, title: Always, action: probe.stop, timeout: 2s, always: true }
        """
      }
      let drill = try await lab.drill(runbook, report: "\(lab.machine.folder)/failing.json")
      #expect(drill.said.status == 1, "\(drill.said)")
      #expect(drill.report["verdict"].string == "failed")
      #expect(drill.report["steps"].array.map { $0["outcome"].string ?? "" } == ["failed", "skipped", "passed"])
      let refused = try await lab.drill("\(lab.machine.folder)/runbooks/none.yaml", report: "\(lab.machine.folder)/none.json")
      #expect(refused.said.status == 2 && refused.said.errors.contains("none.yaml"), "\(refused.said)")
    }
  }
}
