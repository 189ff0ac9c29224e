import Glibc
import KubeModel
import Primitives
import Processes
import Testing

/// Members as processes under faults, and decoders under damaged input: short here, as long as one likes by command.
@Suite("tricenter torture and fuzz", .serialized) struct TortureTests {
  private func torture(_ words: String..., minutes: Double, seed: Int) async throws -> JSONValue {
    let folder: String = try temporaryFolder()
    let command: [String] =
      [
        Program.path, "torture", "store", "--minutes", "\(minutes)", "--seed", "\(seed)", "--directory", "\(folder)/run", "--output",
        "json",
      ]
      + words
    let said = Said(command, try await Command.plain(command, timeout: .seconds(minutes * 60 + 400)))
    let report: JSONValue = (try? JSONValue.parse(said.output)) ?? .null
    #expect(said.status == 0 && report["clean"].bool == true, "\(said)")
    // A history that broke a rule stays, and its path is in the message above.
    if said.status == 0 {
      #expect(access("\(folder)/run", F_OK) != 0, "a clean run leaves nothing")
      try await Command("rm", "-rf", folder).run()
    }
    return report
  }

  @Test(
    "five members in namespaces under every fault tell one history",
    .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
  func namespaces() async throws {
    let report: JSONValue = try await torture(minutes: 0.7, seed: 20_261_123)
    #expect(report["ground"].string?.contains("wide-area element") == true)
    let faults: Int64 = (report["faults"].object?.members ?? []).reduce(0) { $0 + ($1.value.int ?? 0) }
    #expect(faults >= 8 && report["answered"].int ?? 0 > 500, "\(report)")
  }

  @Test(
    "five members under load whose disks stand still elect nobody without need",
    .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")),
    .enabled(if: access("/dev/loop-control", R_OK | W_OK) == 0, "no loop devices"))
  func steady() async throws {
    let folder: String = try temporaryFolder()
    let command: [String] = [
      Program.path, "torture", "steady", "--minutes", "0.4", "--every", "1s", "--clients", "4", "--seed", "5", "--directory",
      "\(folder)/run", "--output", "json",
    ]
    let said = Said(command, try await Command.plain(command, timeout: .seconds(400)))
    #expect(said.status == 0, "\(said)")
    let report: JSONValue = try JSONValue.parse(said.output)
    #expect(report["stalls"].int ?? 0 >= 10 && report["writes"].int ?? 0 > 100, "\(said)")
    #expect(report["longestStallMilliseconds"].int ?? 0 >= 250, "\(said)")
    if said.status == 0 { try await Command("rm", "-rf", folder).run() }
  }

  @Test("five members on loopback under what needs no privileges tell one history") func loopback() async throws {
    let report: JSONValue = try await torture("--loopback", minutes: 0.4, seed: 3)
    #expect(report["missing"].array.contains { $0.string?.contains("no packet is lost on loopback") == true })
    #expect(report["answered"].int ?? 0 > 300, "\(report)")
  }

  @Test(
    "fifteen minutes of every fault", .enabled(if: Program.runsDrills, "Tests/run --drills --filter TortureTests runs it"),
    .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
  func quarterOfAnHour() async throws { _ = try await torture(minutes: 15, seed: 15) }

  @Test("every decoder takes what it may and refuses the rest") func decoders() async throws {
    let folder: String = try temporaryFolder()
    let command: [String] = [Program.path, "fuzz", "--minutes", "0.3", "--seed", "7", "--directory", "\(folder)/found", "--output", "json"]
    let said = Said(command, try await Command.plain(command, timeout: .seconds(240)))
    #expect(said.status == 0, "\(said)")
    let targets: [JSONValue] = try JSONValue.parse(said.output)["targets"].array
    #expect(targets.count > 40 && targets.allSatisfy { $0["inputs"].int ?? 0 > 0 && $0["accepted"].int ?? 0 > 0 }, "\(said)")
    if said.status == 0 { try await Command("rm", "-rf", folder).run() }
  }
}
