import Testing

/// Patroni's issue 743: a client that lost its connection could not tell what had become of the switchover.
@Suite("Clients of verbs that are killed", .serialized) struct KilledClientTests {
  @Test("what they asked for happens once or not at all, and its end is told from another center") func twenty() async throws {
    try await VerbGround.run { ground in
      var clients = KilledClients(ground, seed: 743)
      try await clients.kill(20)
      print(clients.outcome)
    }
  }
}

@Suite(
  "A thousand killed clients", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"))
struct KilledClientLongTests {
  @Test("a thousand of them, killed at random moments") func thousand() async throws {
    try await VerbGround.run { ground in
      var clients = KilledClients(ground, seed: 20_988)
      try await clients.kill(1_000)
      print(clients.outcome)
    }
  }
}
