import Keyspace
import Primitives
import Testing

@testable import Store

/// The same store over what it runs on in a federation.
@Suite(.serialized) struct WireTests {
  @Test func `five members over mutual TLS: writes, the leader's death, a snapshot, the dead one's return`() async throws {
    try await TestCluster.with(
      5, wires: try Wires(),
      {
        $0.tick = .milliseconds(20)
        $0.snapshotEntries = 200
        $0.catchUpEntries = 50
      }
    ) { cluster in
      let first = try await cluster.waitForLeader()
      for number in 0..<25 {
        _ = try await cluster[number % 5].put(Bytes("k\(number)"), Bytes("\(number)"))
        let elsewhere = try await cluster[(number + 2) % 5].get(Bytes("k\(number)"))
        #expect(elsewhere.keyValues.first?.value.text == "\(number)")
      }
      await cluster.kill(first)
      let survivor = (first + 1) % 5
      let start = SystemClock().now()
      _ = try await cluster[survivor].put(Bytes("after"), Bytes("death"))
      print(
        "five members over TLS, ticks of 20 ms: first write \(Int((SystemClock().now() - start).inMilliseconds)) ms after the leader's death"
      )
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          let store = cluster[(first + 1 + client % 4) % 5]
          group.addTask { for value in 0..<30 { _ = try await store.put(Bytes("c\(client)"), Bytes(repeating: UInt8(value), count: 256)) } }
        }
        try await group.waitForAll()
      }
      let before = try await cluster[survivor].range(RangeRequest(everything))
      try await cluster.start(first)
      try await wait("the dead one's return") { cluster[first].status.appliedIndex >= cluster[survivor].status.appliedIndex }
      #expect(cluster[first].status.snapshotIndex > 200)
      #expect(try await cluster[first].range(RangeRequest(everything)) == before)
    }
  }

  @Test func `64 clients on five members over TLS`() async throws {
    try await TestCluster.with(5, wires: try Wires(), { $0.tick = .milliseconds(25) }) { cluster in
      let start = SystemClock().now()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          let store = cluster[client % 5]
          group.addTask {
            for number in 0..<40 { _ = try await store.put(Bytes("c\(client)-\(number)"), Bytes(repeating: 65, count: 256)) }
          }
        }
        try await group.waitForAll()
      }
      let elapsed = SystemClock().now() - start
      print("5 members over TLS, 64 clients, debug build: \(Int(2560 / (elapsed.inMilliseconds / 1000))) puts/s")
      #expect(try await cluster[0].range(RangeRequest(everything, countOnly: true)).count == 2560)
    }
  }
}
