import Glibc
import KubeModel
import Primitives
import Processes
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

  /// How a runbook is run where it is not enough to name it, and which verdict it must come to.
  private static func words(_ name: String) -> (more: [String], verdict: String) {
    switch name {
    case "approval-timeout": ([], "failed")
    case "tabletop": (["--variant", "read"], "passed")
    default: ([], "passed")
    }
  }

  /// Every runbook that ships, in one lab, one after the other; the reports of all of them form one chain.
  @Test("every runbook passes in the lab, and its report holds") func everyRunbook() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.tricenter(
        "lab", "up", "--own-disks", "--directory", lab.directory, "--site", lab.siteFile, "--timeout", "200", timeout: .seconds(300)
      ).passed()
      var files: [String] = []
      if findProgram("psql") == nil { print("postgresql.yaml is left out: Debian's postgresql is not installed") }
      for file in entries("\(Program.checkout)/runbooks").sorted() where file.hasSuffix(".yaml") {
        let name = String(file.dropLast(5))
        // Tests of their own: one waits for people, others lose a city's writes or have variants.
        if DisasterLongTests.runbooks.contains(name) || name == "failover-approval" || (name == "postgresql" && findProgram("psql") == nil)
        {
          continue
        }
        let (report, page) = ("\(machine.folder)/\(name).json", "\(machine.folder)/\(name).html")
        let (more, verdict) = Self.words(name)
        let began = ContinuousClock.now
        let said: Said = try await machine.run(
          [
            lab.program, "drill", "run", "\(Program.checkout)/runbooks/\(file)", "--directory", lab.directory, "--report", report, "--page",
            page,
          ] + more, timeout: .seconds(900))
        let found: JSONValue = (try? JSONValue.parse(readFile(report))) ?? .null
        print(
          "runbook \(name): \(found["verdict"].string ?? "no report") in \(Int((ContinuousClock.now - began).milliseconds / 1_000)) s, "
            + "\(found["acknowledged_writes"].int ?? 0) writes acknowledged, \(found["failed_requests"].int ?? 0) of "
            + "\(found["requests"].int ?? 0) requests failed")
        #expect(found["verdict"].string == verdict, "\(name): \(found["deviations"]) \(said.errors.suffix(3_000))")
        #expect(found["lost_writes"].int ?? 0 == 0, "\(name): \(found["deviations"])")
        #expect(try await lab.faults().isEmpty, "\(name) left a fault")
        files += [report, page]
      }
      let verified: Said = try await machine.run([lab.program, "drill", "verify", "--directory", lab.directory] + files)
      #expect(verified.status == 0, "\(verified)")
      try await lab.down().passed()
    }
  }

  @Test("faults of a drill whose runner is killed end by themselves") func deadRunner() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let run: Background = try lab.start(
        "drill", "run", "\(Program.checkout)/runbooks/partition.yaml", "--directory", lab.directory, log: "dying")
      try await eventually("the line is cut", within: .seconds(200)) { try await lab.faults().contains { $0["kind"].string == "cut-link" } }
      for pid in descendants(of: run.pid) + [run.pid] { kill(pid, SIGKILL) }
      _ = try? await run.wait()
      let began = ContinuousClock.now
      try await eventually("the line is whole", within: .seconds(30)) { try await lab.faults().isEmpty }
      print("the fault ended \(Int((ContinuousClock.now - began).milliseconds)) ms after its runner was killed")
      try await lab.down().passed()
    }
  }

  @Test("a tabletop drill waits for the people of every step") func tabletop() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let run: Background = try lab.start(
        "runbook", "run", "\(Program.checkout)/runbooks/tabletop.yaml", "--variant", "room", "--name", "talk", "--directory", lab.directory,
        log: "talk")
      for step in ["noticed", "decided", "checked", "told", "home"] {
        try await eventually("\(step) waits", within: .seconds(60)) { try await lab.phase(step, of: "talk") == "Waiting" }
        try await lab.runbook("approve", "talk", step, "--comment", "as agreed").passed()
      }
      let status: Int32 = try await run.wait(within: .seconds(60))
      #expect(status == 0, "\(run.text)")
      let approvals: [JSONValue] = try await lab.run("talk")["status"]["approvals"].array
      #expect(approvals.count == 5 && approvals.allSatisfy { $0["user"].string == "admin" && $0["comment"].string == "as agreed" })
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
