import Keyspace
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct ShrinkTests {
  private static func cities(_ mode: ShrinkMode) -> @Sendable (inout StoreConfiguration) -> Void {
    { configuration in
      for place in configuration.members.indices {
        configuration.members[place].city = configuration.members[place].center == "remote-dr" ? "far" : "near"
      }
      configuration.shrinkMode = mode
      configuration.shrinkPatience = .seconds(1)
      configuration.requestTimeout = .milliseconds(2500)
    }
  }

  @Test func `production is lost, its votes are taken by command, one more fault is survived, and it votes again when it is back`()
    async throws
  {
    try await TestCluster.with(5, Self.cities(.manual)) { cluster in
      _ = try await cluster[0].put(Bytes("k"), Bytes("1"))
      #expect(await code { try await cluster[4].ask(.regrow(center: "production")) } == .memberNotFound)
      #expect(
        await code { try await cluster[4].ask(.shrink(Shrink(center: "mars", isHeld: false, since: SystemClock().wall()))) }
          == .memberNotFound)
      await cluster.kill(0)
      await cluster.kill(1)
      try await wait("the next leader") { cluster[2].leadership.isLocal || cluster[3].leadership.isLocal }
      try await wait("the shrink") {
        await code { try await cluster[4].ask(.shrink(Shrink(center: "production", isHeld: false, since: SystemClock().wall()))) } == nil
      }
      #expect(cluster[4].shrinks.map(\.center) == ["production"] && cluster[4].shrinks.first?.isHeld == false)
      // Of local-dr's two and the far one, one more may go.
      let leader = cluster[2].leadership.isLocal ? 2 : 3
      await cluster.kill(leader)
      let left = leader == 2 ? 3 : 2
      try await wait("writes with two of five") { await code { _ = try await cluster[left].put(Bytes("k"), Bytes("2")) } == nil }
      try await cluster.start(leader)
      try await cluster.start(0)
      try await wait("one of production") { cluster[0].revision >= cluster[left].revision }
      try await wait("its part") { cluster[0].status.isLearner }
      #expect(cluster[left].shrinks.count == 1)
      try await cluster.start(1)
      try await wait("production's votes") { cluster[left].shrinks.isEmpty && !cluster[0].status.isLearner && !cluster[1].status.isLearner }
      try await wait("the hand-back") { cluster[0].leadership.isLocal || cluster[1].leadership.isLocal }
      #expect(try await cluster[4].get(Bytes("k")).keyValues.first?.value.text == "2")
    }
  }

  @Test func `a center that is there gives its votes away on request, and gets them back on request alone`() async throws {
    try await TestCluster.with(5, Self.cities(.manual)) { cluster in
      try await cluster[2].ask(.shrink(Shrink(center: "production", isHeld: false, since: SystemClock().wall())))
      try await wait("listeners") { cluster[0].status.isLearner && cluster[1].status.isLearner }
      #expect(cluster[3].shrinks.first?.isHeld == true)
      try await wait("a leader elsewhere") { cluster[2].leadership.isLocal || cluster[3].leadership.isLocal }
      _ = try await cluster[0].put(Bytes("k"), Bytes("by a listener"))
      try await Task.sleep(for: .milliseconds(300))
      #expect(cluster[0].status.isLearner)
      try await cluster[0].ask(.regrow(center: "production"))
      try await wait("voters") { !cluster[0].status.isLearner && !cluster[1].status.isLearner }
    }
  }

  @Test func `with the policy latency the leader does it by itself; with durable it leaves the far city in every majority`() async throws {
    try await TestCluster.with(5, Self.cities(.latency)) { cluster in
      _ = try await cluster[0].put(Bytes("k"), Bytes("1"))
      await cluster.kill(0)
      await cluster.kill(1)
      try await wait("the shrink") { cluster[4].shrinks.map(\.center) == ["production"] }
      await cluster.kill(4)
      _ = try await cluster[2].put(Bytes("k"), Bytes("2"))
      try await cluster.start(0)
      try await cluster.start(1)
      try await cluster.start(4)
      try await wait("all votes") { [0, 1, 4].allSatisfy { !cluster[$0].status.isLearner } && cluster[2].shrinks.isEmpty }
    }
    let centers: [String] = ["production", "production", "local-dr", "local-dr", "remote-dr"]
    var members: [ShrinkPolicy.Member] = []
    for number in 0..<5 {
      let city: String = number < 4 ? "near" : "far"
      members.append(
        .init(
          id: MemberID(UInt64(number) + 1), center: centers[number], city: city, votes: true, isThere: number > 1, isCaughtUp: true))
    }
    #expect(ShrinkPolicy.objection(to: "production", members, .latency, mustGain: true) == nil)
    #expect(ShrinkPolicy.objection(to: "production", members, .durable, mustGain: true)?.contains("local-dr alone") ?? false)
  }
}
