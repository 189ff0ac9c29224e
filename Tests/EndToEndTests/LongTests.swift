import Glibc
import KubeModel
import Primitives
import Testing

/// What takes long, run when asked for: `Tests/run --drills`, which also builds the release executable for it.
@Suite(
  "Drills in a row", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"),
  .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct LongTests {
  @Test("ten losses of production, one after the other, each within its objectives") func tenDrills() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let report = "\(machine.folder)/ten.json"
      let said: Said = try await lab.tricenter(
        "drill", "run", Runbooks.productionLoss, "--directory", lab.directory, "--report", report, "--repeat", "10",
        timeout: .seconds(3_000))
      if let table: Range<String.Index> = said.output.ranges(of: "          run").last { print(said.output[table.lowerBound...]) }
      #expect(said.status == 0, "\(said)")
      let reports: [JSONValue] = try JSONValue.parse(readFile(report)).array
      #expect(reports.count == 10)
      for (index, report) in reports.enumerated() {
        #expect(report["verdict"].string == "passed" && report["lost_writes"].int == 0, "drill \(index + 1): \(report["deviations"])")
        #expect(report["first_write_ms"].double ?? .infinity <= 3_000 && report["rto_ms"].double ?? .infinity <= 8_000)
      }
      try await lab.down().passed()
    }
  }

  @Test("`lab up` killed after every so many milliseconds, and brought up over the remains") func manyMoments() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      let before: Traces = try await machine.traces()
      for (round, milliseconds) in stride(from: 50, through: 6_000, by: 350).enumerated() {
        let up: Background = try lab.start(
          "lab", "up", "--directory", lab.directory, "--site", Program.siteFile, "--timeout", "200", log: "up-\(round)")
        try await Task.sleep(for: .milliseconds(milliseconds))
        for pid in descendants(of: up.pid) where readFile("/proc/\(pid)/cmdline").hasPrefix(lab.program) { kill(pid, SIGKILL) }
        _ = try await up.wait()
        if round.isMultiple(of: 3) {
          try await lab.up().passed()
          if Client.kubectl { #expect(try await lab.kubectl("get nodes -o name").passed().text.split(separator: "\n").count == 5) }
        }
        if round.isMultiple(of: 2) {
          try await lab.down().passed()
          let left: [String] = try await machine.traces().differences(from: before)
          #expect(left.isEmpty, "killed after \(milliseconds) ms, then down: \(left.joined(separator: "; "))")
        }
      }
      try await lab.down().passed()
    }
  }
}
