import Consensus
import Keyspace
import Primitives
import SiteLink
import Testing

@testable import Store

/// The same over members: hosts 0 and 1 are production, 2 and 3 local-dr, 4 remote-dr.
@Suite(.serialized) struct RelayTests {
  private static let value: Bytes = CompressibleNot.bytes(12_000)

  /// Values of 12 KB by several clients of the leader's member.
  private func write(_ cluster: TestCluster, _ leader: Int, clients: Int = 6, each: Int = 6, prefix: String = "k") async throws {
    let store = cluster[leader]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in 0..<clients {
        group.addTask { for number in 0..<each { _ = try await store.put(Bytes("\(prefix)\(client)-\(number)"), Self.value) } }
      }
      try await group.waitForAll()
    }
  }

  private func waitForAll(_ cluster: TestCluster) async throws {
    try await wait("everybody") { Set(cluster.running.map(\.status.appliedIndex)).count == 1 }
  }

  @Test func `entries cross to the other center once, and all of them arrive`() async throws {
    try await TestCluster.with(5, { $0.tick = .milliseconds(25) }) { cluster in
      let leader = try await cluster.waitForLeaderInProduction()
      let ids: [MemberID] = cluster.members.map(\.id)
      func crossing() -> Int { cluster.network.bytes(ids[leader], ids[2]) + cluster.network.bytes(ids[leader], ids[3]) }
      func between() -> Int { cluster.network.bytes(ids[2], ids[3]) + cluster.network.bytes(ids[3], ids[2]) }
      // Whoever the leader does not know yet is sent to alone.
      try await write(cluster, leader, each: 1, prefix: "w")
      try await waitForAll(cluster)
      let (crossedBefore, betweenBefore): (Int, Int) = (crossing(), between())
      let term: UInt64 = cluster[leader].raftTerm
      try await write(cluster, leader)
      try await waitForAll(cluster)
      let payload: Double = 36.0 * 12_000
      let crossed: Double = Double(crossing() - crossedBefore) / payload
      let inside: Double = Double(between() - betweenBefore) / payload
      print("relay: \(crossed) x the payload crossed to local-dr (two members), \(inside) x between them")
      let store = cluster[leader]
      let failures: Int = try await store.eventLoop.submit { store.core.value?.relays.failures ?? 0 }.get()
      #expect((crossed < 1.7 && inside > 0.3) || failures > 0)
      let hashes = try await [cluster[0].hash(revision: 0).hash, cluster[2].hash(revision: 0).hash, cluster[3].hash(revision: 0).hash]
      #expect(Set(hashes).count == 1 && cluster[leader].raftTerm == term)
    }
  }

  @Test func `the relay dies, hangs, or loses its neighbour in the middle of writes: nothing is lost and nobody is elected`() async throws {
    try await TestCluster.with(5, { $0.tick = .milliseconds(25) }) { cluster in
      let leader = try await cluster.waitForLeaderInProduction()
      let ids: [MemberID] = cluster.members.map(\.id)
      let term: UInt64 = cluster[leader].raftTerm
      try await write(cluster, leader, each: 3, prefix: "a")
      // Which of the two relays is the one that the leader sends to.
      let relay: Int = cluster.network.bytes(ids[2], ids[3]) > cluster.network.bytes(ids[3], ids[2]) ? 2 : 3
      let neighbour: Int = 5 - relay

      async let first: Void = write(cluster, leader, prefix: "b")
      try await Task.sleep(for: .milliseconds(30))
      cluster.network.cut(ids[relay], ids[neighbour])
      try await first
      cluster.network.mend(ids[relay], ids[neighbour])
      try await waitForAll(cluster)

      async let second: Void = write(cluster, leader, prefix: "c")
      try await Task.sleep(for: .milliseconds(30))
      cluster.network.hang(ids[relay])
      try await second
      let behind = cluster[neighbour]
      try await wait("the neighbour of a relay that hangs") { behind.status.appliedIndex == cluster[leader].status.appliedIndex }
      cluster.network.unhang(ids[relay])
      try await waitForAll(cluster)

      async let third: Void = write(cluster, leader, prefix: "d")
      try await Task.sleep(for: .milliseconds(30))
      await cluster.kill(relay)
      try await third
      try await waitForAll(cluster)

      #expect(cluster[leader].raftTerm == term)
      #expect(try await cluster[neighbour].range(RangeRequest(everything, countOnly: true)).count == 18 + 3 * 36)
      let (one, other) = (try await cluster[leader].hash(revision: 0), try await cluster[neighbour].hash(revision: 0))
      #expect(one.hash == other.hash)
    }
  }

  @Test func `over mutual TLS the link to the other center carries the entries once, too`() async throws {
    let wires = try Wires()
    // Slow ticks: members that share two cores with other tests are silent for longer than members of a center are.
    try await TestCluster.with(5, wires: wires, { $0.tick = .milliseconds(100) }) { cluster in
      let leader = try await cluster.waitForLeaderInProduction()
      let ids: [MemberID] = cluster.members.map(\.id)
      func crossing() -> Int64 { wires.sent(ids[leader], ids[2]) + wires.sent(ids[leader], ids[3]) }
      let before: Int64 = crossing()
      try await write(cluster, leader)
      try await waitForAll(cluster)
      // Links publish what they sent with their pings.
      let payload: Double = 36.0 * 12_000
      try await wait("the links' counts") { Double(crossing() - before) > 0.9 * payload }
      try await Task.sleep(for: .milliseconds(600))
      let crossed: Double = Double(crossing() - before) / payload
      let store = cluster[leader]
      let failures: Int = try await store.eventLoop.submit { store.core.value?.relays.failures ?? 0 }.get()
      print("relay over TLS: \(crossed) x the payload crossed to local-dr (two members), \(failures) times directly again")
      #expect(crossed < 1.7 || failures > 0)
    }
  }
}

/// Bytes that no compressor makes smaller.
enum CompressibleNot {
  static func bytes(_ count: Int) -> Bytes {
    var random = SeededRandom(seed: 4)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}
