import Federation
import Glibc
import KubeClient
import KubeModel
import Primitives
import TestSupport
import Testing

/// People's clients killed in the middle of what they ask for, and what is told of it afterwards: from another center, by another client.
struct KilledClients {
  struct Outcome: CustomStringConvertible {
    var kills: Int = 0
    /// Killed before they told an id; the id was told and nobody had taken it up; watches killed.
    var untold: Int = 0
    var notTakenUp: Int = 0
    var watches: Int = 0
    var phases: [String: Int] = [:]
    var moves: Int = 0
    var description: String {
      "\(kills) clients killed (\(untold) before they told an id, \(notTakenUp) before anybody was asked), \(watches) watches killed, "
        + "operations \(phases.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")), \(moves) moves"
    }
  }

  private struct Client {
    var center: CenterName
    var reason: String
    var running: Background
  }

  let ground: VerbGround
  private(set) var outcome = Outcome()
  private var random: SeededRandom
  /// How long a whole verb takes here, and one that waits for its end.
  private var whole: Duration = .zero
  private var waited: Duration = .zero
  private var count: Int = 0

  init(_ ground: VerbGround, seed: UInt64) {
    self.ground = ground
    random = SeededRandom(seed: seed)
  }

  mutating func kill(_ kills: Int) async throws {
    try await measure()
    while outcome.kills < kills { try await round() }
    try await settle()
  }

  /// Kills come at any moment of a client's life: how long that is says the machine.
  private mutating func measure() async throws {
    for wait in [false, true] {
      let to: CenterName = try await ground.record()?.center == "production" ? "local-dr" : "production"
      let began = ContinuousClock.now
      let client: Client = try start("switchover", to, waits: wait)
      let status: Int32 = try await client.running.wait(within: .seconds(120))
      guard status == 0 else { throw TestTrouble("a switchover that nobody kills ends with \(status): \(client.running.text)") }
      if wait { waited = ContinuousClock.now - began } else { whole = ContinuousClock.now - began }
      try await told(client)
    }
  }

  private mutating func start(_ verb: String, _ to: CenterName, waits: Bool) throws -> Client {
    count += 1
    let (center, reason): (CenterName, String) = (VerbGround.centers[count % 2], "kill-\(count)")
    let words: [String] = [verb, "bank", "--to", to.value, "--yes", "--reason", reason] + (waits ? ["--wait"] : [])
    return Client(center: center, reason: reason, running: try ground.start(words, at: center, log: "\(reason).log"))
  }

  /// One client, now and then two at once, killed within its life.
  private mutating func round() async throws {
    var clients: [Client] = []
    for _ in 0..<(Int.random(in: 0..<5, using: &random) == 0 ? 2 : 1) {
      let verb: String = ["switchover", "switchover", "failback", "failover", "reprotect"].randomElement(using: &random) ?? ""
      let to: CenterName = verb == "failback" ? "production" : VerbGround.centers.randomElement(using: &random) ?? "production"
      let waits: Bool = Int.random(in: 0..<3, using: &random) == 0
      let client: Client = try start(verb, to, waits: waits)
      // Most of a client's life is its start; two of three are killed after they have told their id.
      if Int.random(in: 0..<3, using: &random) > 0 {
        while client.running.text.isEmpty, !client.running.hasEnded { try await Task.sleep(for: .milliseconds(1)) }
        let rest: Int64 = waits ? waited.inNanoseconds / 2 : 40_000_000
        try await Task.sleep(for: .nanoseconds(Int64.random(in: 0...rest, using: &random)))
      } else {
        let life: Int64 = (waits ? waited : whole).inNanoseconds
        try await Task.sleep(for: .nanoseconds(Int64.random(in: 0...life, using: &random)))
      }
      Glibc.kill(client.running.pid, SIGKILL)
      if try await client.running.wait() == 128 + SIGKILL { outcome.kills += 1 }
      clients.append(client)
    }
    for client in clients { try await told(client) }
  }

  /// What becomes of one that was killed: told from the other center, watched there by a client that is killed as well.
  private mutating func told(_ client: Client) async throws {
    let other: CenterName = client.center == "production" ? "local-dr" : "production"
    let line: Substring? = client.running.text.split(separator: "\n").first { $0.hasPrefix("operation/") }
    let id: String? = line.map { String($0.dropFirst("operation/".count)) }
    // What it had sent may still be on its way through the server.
    var found: [KubeObject] = try await asked(client.reason)
    for _ in 0..<20 where found.isEmpty && id != nil {
      try await Task.sleep(for: .milliseconds(5))
      found = try await asked(client.reason)
    }
    #expect(found.count <= 1, "\(client.reason) was asked for \(found.count) times: \(found.map(\.name))")
    if id == nil { outcome.untold += 1 }
    guard let operation: KubeObject = found.first else {
      guard let id else { return }
      outcome.notTakenUp += 1
      let said: (status: Int32, text: String) = try await say(["operation", "show", id], at: other)
      #expect(said.status == 1 && said.text.contains("was not taken up"), "\(client.reason), \(id): \(said)")
      return
    }
    #expect(id == nil || id == operation.name, "\(client.reason) told \(id ?? "") and asked for \(operation.name)")
    if Bool.random(using: &random) {
      let watch: Background = try ground.start(["operation", "watch", operation.name], at: other, log: "watch.log")
      try await Task.sleep(for: .nanoseconds(Int64.random(in: 0...waited.inNanoseconds, using: &random)))
      Glibc.kill(watch.pid, SIGKILL)
      if try await watch.wait() == 128 + SIGKILL { outcome.watches += 1 }
    }
    let (client, name): (KubeClient, String) = (ground.client, operation.name)
    try await eventually("\(name) is over", within: .seconds(120), every: .milliseconds(20)) {
      ["Completed", "Failed", "Refused"].contains(try await client.get(.failovers, name: name).status["phase"].string ?? "")
    }
    let phase: String = try await client.get(.failovers, name: name).status["phase"].string ?? ""
    outcome.phases[phase, default: 0] += 1
    let said: (status: Int32, text: String) = try await say(["operation", "show", name], at: other)
    #expect(said.status == ["Completed": 0, "Failed": 1, "Refused": 2][phase] && said.text.contains(phase), "\(name) is \(phase): \(said)")
  }

  private func asked(_ reason: String) async throws -> [KubeObject] {
    try await ground.client.list(.failovers).items.filter { $0.spec["reason"].string == reason }
  }

  private func say(_ words: [String], at center: CenterName) async throws -> (status: Int32, text: String) {
    let running: Background = try ground.start(words, at: center, log: "say.log")
    let status: Int32 = try await running.wait()
    defer { unlink(running.log) }
    return (status, running.text)
  }

  /// Nothing happened that nobody asked for, and nothing twice: an epoch for every move that was completed.
  private mutating func settle() async throws {
    let all: [KubeObject] = try await ground.client.list(.failovers).items
    let reasons: [String] = all.compactMap { $0.spec["reason"].string }
    #expect(
      Set(reasons).count == reasons.count, "asked for twice: \(Dictionary(grouping: reasons) { $0 }.filter { $0.value.count > 1 }.keys)")
    let open: [String] = all.filter { !["Completed", "Failed", "Refused"].contains($0.status["phase"].string ?? "") }.map(\.name)
    #expect(open.isEmpty, "not over: \(open)")
    let moves: [Int64] = all.filter { $0.spec["kind"].string != "reprotect" && $0.status["phase"].string == "Completed" }
      .compactMap { $0.status["epoch"].int }
    outcome.moves = moves.count
    #expect(Set(moves).count == moves.count, "two operations moved the cluster under one epoch: \(moves.sorted())")
    let epoch: Int64 = try await ground.record()?.epoch ?? 0
    let failed: Int = all.count { $0.status["phase"].string == "Failed" }
    #expect(failed > 0 || epoch == Int64(moves.count) + 1, "epoch \(epoch) after \(moves.count) moves")
  }
}
