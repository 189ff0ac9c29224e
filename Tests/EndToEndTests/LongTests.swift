import Glibc
import KubeModel
import Primitives
import Testing

/// What takes long, run when asked for: `Tests/run --drills`, which also builds the release executable for it.
@Suite(
  "Drills in a row", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"),
  .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct LongTests {
  @Test("thirty losses of production, one after the other, each tier within its objectives") func thirtyDrills() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let report = "\(machine.folder)/thirty.json"
      let said: Said = try await lab.tricenter(
        "drill", "run", "\(Program.checkout)/runbooks/production-loss-tiers.yaml", "--directory", lab.directory, "--report", report,
        "--repeat", "30", timeout: .seconds(3_000))
      if let table: Range<String.Index> = said.output.ranges(of: "          run").last { print(said.output[table.lowerBound...]) }
      #expect(said.status == 0, "\(said)")
      let reports: [JSONValue] = try JSONValue.parse(readFile(report)).array
      #expect(reports.count == 30)
      for (index, report) in reports.enumerated() {
        #expect(report["verdict"].string == "passed" && report["lost_writes"].int == 0, "drill \(index + 1): \(report["deviations"])")
      }
      try await lab.down().passed()
    }
  }

  /// Every runbook that ships and is to pass, in one lab, one after the other; the reports of all of them form one chain.
  @Test("every runbook passes in the lab, and its report holds") func everyRunbook() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      var files: [String] = []
      for name in ["planned-switchover", "local-dr-loss", "remote-dr-loss", "names-only"] {
        let (report, page) = ("\(machine.folder)/\(name).json", "\(machine.folder)/\(name).html")
        let said: Said = try await lab.tricenter(
          "drill", "run", "\(Program.checkout)/runbooks/\(name).yaml", "--directory", lab.directory, "--report", report, "--page", page,
          timeout: .seconds(900))
        let found: JSONValue = (try? JSONValue.parse(readFile(report))) ?? .null
        #expect(said.status == 0, "\(name): \(found["deviations"]) \(said.errors.suffix(3_000))")
        #expect(found["verdict"].string == "passed" && found["lost_writes"].int ?? 0 == 0, "\(name): \(found["deviations"])")
        files += [report, page]
      }
      let verified: Said = try await machine.run([lab.program, "drill", "verify", "--directory", lab.directory] + files)
      #expect(verified.status == 0, "\(verified)")
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
