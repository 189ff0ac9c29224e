import Glibc
import KubeModel
import Primitives
import Testing

/// A city lost and come back, a center that believes it is active, a backup that must be one: each in a lab of its own.
@Suite(
  "City loss, zombie, backup", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"),
  .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct DisasterLongTests {
  static let runbooks: Set<String> = ["backup-restore", "city-loss", "zombie-production"]

  /// Runs a runbook that ships, expects it to pass, and prints what it took.
  private func pass(_ name: String, _ lab: TestLab, variant: String? = nil) async throws -> JSONValue {
    let report = "\(lab.machine.folder)/\(name)\(variant ?? "").json"
    var words: [String] = [
      lab.program, "drill", "run", "\(Program.checkout)/runbooks/\(name).yaml", "--directory", lab.directory, "--report", report,
    ]
    if let variant { words += ["--variant", variant] }
    var said: Said?
    let took: Duration = try await elapsed {
      said = try await lab.machine.run(words, environment: lab.environment, timeout: .seconds(1_200))
    }
    let found: JSONValue = (try? JSONValue.parse(readFile(report))) ?? .null
    #expect(said?.status == 0, "\(name): \(found["deviations"]) \(said?.errors.suffix(4_000) ?? "")")
    #expect(found["verdict"].string == "passed", "\(name): \(found["deviations"])")
    print("runbook \(name) \(variant ?? ""): \(Int(took.milliseconds)) ms in all")
    return found
  }

  @Test("city-loss: recovery within a minute, return, reprotection") func cityLoss() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      for variant in ["at-once", "behind"] {
        let report: JSONValue = try await pass("city-loss", lab, variant: variant)
        let recovery: JSONValue = report["facts"]["recovery"]
        #expect(recovery["milliseconds"].int ?? .max < 60_000)
        #expect(
          recovery["after"]["epoch"].int == (recovery["before"]["epoch"].int ?? 0) + 1 && recovery["after"]["center"].string == "remote-dr")
        print(
          "city loss (\(variant)): recovered in \(recovery["milliseconds"].int ?? -1) ms, first write \(report["first_write_ms"].double ?? -1) ms, "
            + "first request \(report["rto_ms"].double ?? -1) ms, \(report["lost_writes"].int ?? -1) of "
            + "\(report["acknowledged_writes"].int ?? -1) writes lost, \(report["facts"]["handedIn"].int ?? -1) of them handed in")
        for phase in recovery["phases"].array {
          print("  \(phase["name"].string ?? ""): \(phase["milliseconds"].int ?? -1) ms")
        }
        // Cut off for three seconds before, remote-dr cannot have had everything; and what it had not was handed in.
        if variant == "behind" {
          #expect(report["lost_writes"].int ?? 0 > 0 && report["lost_writes"] == report["facts"]["handedIn"])
        }
      }
      try await lab.down().passed()
    }
  }

  /// The verb as people type it, with `lab power` as the disaster: refused, tried out, done, broken off and asked again, and the return.
  @Test("the verb by hand: refused while the city answers, done without it, and the city comes back by itself") func byHand() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      try await lab.home()
      let certificates = "\(machine.folder)/certificates"
      mkdir(certificates, 0o755)
      let reach: [String] = [
        lab.program, "disaster", "recover", "--site", "\(lab.directory)/site.yaml", "--pki", lab.pki, "--host", "rdr-1", "--center",
        "remote-dr",
        "--certificate", certificates,
      ]
      func recover(_ more: String...) async throws -> Said { try await machine.run(reach + more, on: "rdr-1", timeout: .seconds(180)) }
      let early: Said = try await recover("--confirm", "bank")
      #expect(early.status == 2 && early.output.contains("Nothing was changed"), "\(early)")
      for host in ["prod-1", "prod-2", "ldr-1", "ldr-2"] { #expect(early.output.contains("Host/\(host)"), "\(host): \(early)") }
      #expect(try await recover("--confirm", "moon").status == 2)
      #expect(try await lab.activeCenter() == "production")

      try await lab.tricenter("lab", "power", "off", "production", "local-dr", "--directory", lab.directory).passed()
      let plan: JSONValue = try JSONValue.parse(try await recover("--confirm", "bank", "--dry-run", "-o", "json").passed().output)
      #expect(plan["kind"].string == "DisasterPlan" && plan["steps"].array.count >= 3 && plan["certificate"]["epoch"].int == 1)
      #expect(entries(certificates).isEmpty, "a dry run writes nothing")
      var done: Said?
      let took: Duration = try await elapsed { done = try await recover("--confirm", "bank", "--by", "anna", "-o", "json") }
      let found: JSONValue = try JSONValue.parse(try #require(done).passed().output)
      print("disaster recover by hand: \(Int(took.milliseconds)) ms, \(found["phases"])")
      #expect(took < .seconds(60) && found["outcome"].string == "done")
      #expect(found["after"]["center"].string == "remote-dr" && found["after"]["epoch"].int == (found["before"]["epoch"].int ?? 0) + 1)
      #expect(found["workload"].string?.hasPrefix("shop/web-") == true)
      #expect(Set(entries(certificates)) == ["recovery-1.json", "recovery-1.txt"])
      #expect(try JSONValue.parse(readFile("\(certificates)/recovery-1.json"))["by"].string == "anna")
      let decision: JSONValue = try JSONValue.parse(try await lab.kubectl("get decision bank-recovered-1 -o json").passed().output)
      #expect(decision["spec"]["decision"].string == "Recovered" && decision["spec"]["requestedBy"].string == "anna")
      try await lab.kubectl("-n tricenter-system get configmap recovery-1").passed()
      // Again: nothing is done twice, and the end is told.
      let again: JSONValue = try JSONValue.parse(try await recover("--confirm", "bank", "-o", "json").passed().output)
      #expect(again["after"]["epoch"] == found["after"]["epoch"] && again["storeEpoch"].int == 1)

      try await lab.tricenter("lab", "power", "on", "production", "local-dr", "--directory", lab.directory).passed()
      try await eventually("every member has handed in what it had", within: .seconds(120)) {
        ["prod-1", "prod-2", "ldr-1", "ldr-2"].allSatisfy { access("\(lab.directory)/hosts/\($0)/center/diverged-1.jsonl", F_OK) == 0 }
      }
      for center in ["local-dr", "production"] {
        let said: Said = try await machine.run(
          [lab.program, "reprotect", "bank", "--to", center, "--wait", "--yes"], environment: ["KUBECONFIG": "\(lab.directory)/kubeconfig"],
          timeout: .seconds(240))
        #expect(said.status == 0, "\(said)")
      }
      #expect(try await lab.activeCenter() == "remote-dr")
      let home: Said = try await machine.run(
        [lab.program, "failback", "bank", "--to", "production", "--wait", "--yes"],
        environment: ["KUBECONFIG": "\(lab.directory)/kubeconfig"],
        timeout: .seconds(240))
      #expect(home.status == 0, "\(home)")
      try await lab.down().passed()
    }
  }

  @Test("zombie-production: a center that believes it is active changes nothing") func zombie() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let report: JSONValue = try await pass("zombie-production", lab)
      for step in report["steps"].array where step["id"].string?.hasPrefix("harmless") == true {
        print("  \(step["message"].string ?? "")")
      }
      try await lab.down().passed()
    }
  }

  @Test("backup-restore: deleted, and damaged") func backup() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      for variant in ["deletion", "damage"] {
        let report: JSONValue = try await pass("backup-restore", lab, variant: variant)
        print("  \(report["facts"]["backup"]["keys"].int ?? -1) keys restored in \(report["facts"]["restoreMilliseconds"].int ?? -1) ms")
      }
      try await lab.down().passed()
    }
  }
}
