import Keyspace
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct ThroughputTests {
  /// Times are told, counts are asserted.
  @Test(arguments: [1, 5])
  func `64 clients write 256 bytes each`(members: Int) async throws {
    try await TestCluster.with(members, { $0.tick = .milliseconds(25) }) { cluster in
      let perClient = 60
      let start = SystemClock().now()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          let store = cluster[client % members]
          group.addTask {
            for number in 0..<perClient { _ = try await store.put(Bytes("client-\(client)-\(number)"), Bytes(repeating: 65, count: 256)) }
          }
        }
        try await group.waitForAll()
      }
      let elapsed = SystemClock().now() - start
      let total = 64 * perClient
      print("\(members) member(s), 64 clients, debug build: \(Int(Double(total) / (elapsed.inMilliseconds / 1000))) puts/s")
      #expect(try await cluster[0].range(RangeRequest(everything, countOnly: true)).count == Int64(total))
    }
  }
}
