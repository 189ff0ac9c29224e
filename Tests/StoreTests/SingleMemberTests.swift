import Journal
import Keyspace
import Logging
import NIOPosix
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct SingleMemberTests {
  @Test func `everything acknowledged is there after a restart`() async throws {
    try await TestCluster.with(1, { $0.snapshotEntries = 300 }) { cluster in
      let store = cluster[0]
      for value in 0..<1000 { _ = try await store.put(Bytes("k\(value % 100)"), Bytes("\(value)")) }
      let lease = try await store.grantLease(ttlSeconds: 600, id: 0)
      _ = try await store.put(Bytes("leased"), Bytes("v"), lease: lease.id)
      try await store.compact(revision: 500)
      let before = try await store.range(RangeRequest(everything))
      let hash = try await store.eventLoop.submit { try store.keyspace.hash() }.get()
      await cluster.stop(0)
      try await cluster.start(0)
      _ = try await cluster.waitForLeader()
      let again = cluster[0]
      #expect(try await again.range(RangeRequest(everything)) == before)
      #expect(try await again.leaseTimeToLive(id: lease.id, withKeys: true).keys == [Bytes("leased")])
      #expect(try await again.eventLoop.submit { try again.keyspace.hash() }.get() == hash)
      #expect(again.status.snapshotIndex >= 600)
      #expect(await code { _ = try await again.range(RangeRequest(key: Bytes("k1"), revision: 400)) } == .compacted)
      #expect(try await again.put(Bytes("k1"), []) == before.revision + 1)
    }
  }

  @Test func `requests that no keyspace runs are refused with their reason`() async throws {
    try await TestCluster.with(1) { cluster in
      let store = cluster[0]
      #expect(await code { _ = try await store.put([], []) } == .emptyKey)
      #expect(await code { _ = try await store.put([1], Bytes(repeating: 0, count: 2_000_000)) } == .requestTooLarge)
      #expect(await code { _ = try await store.put([1], [], lease: 77) } == .leaseNotFound)
      #expect(await code { try await store.revokeLease(id: 5) } == .leaseNotFound)
      #expect(await code { try await store.compact(revision: 100) } == .futureRevision)
      let kept = try await store.keepLeaseAlive(id: 5)
      let remaining = try await store.leaseTimeToLive(id: 5, withKeys: false).ttlSeconds
      #expect(kept == 0 && remaining == -1)
      #expect(await code { _ = try await store.transact(TransactionRequest(success: [.range(RangeRequest(key: []))])) } == .emptyKey)
      let reading = try await store.transact(TransactionRequest(success: [.range(RangeRequest(key: [1]))]))
      #expect(reading.revision == 1)
    }
  }

  @Test func `leases run out, kept alive they do not`() async throws {
    try await TestCluster.with(1) { cluster in
      let store = cluster[0]
      let short = try await store.grantLease(ttlSeconds: 1, id: 11)
      let kept = try await store.grantLease(ttlSeconds: 1, id: 12)
      _ = try await store.put(Bytes("short"), [], lease: short.id)
      _ = try await store.put(Bytes("kept"), [], lease: kept.id)
      let cursor = try await store.watch(WatchRequest(KeyRange(key: Bytes("short")), previous: true))
      try await wait("the lease's end") {
        #expect(try await store.keepLeaseAlive(id: kept.id) == 1)
        return try await store.get(Bytes("short")).keyValues.isEmpty
      }
      let batch = try await cursor.next(limit: 10)
      #expect(batch.events.map(\.kind) == [.delete] && batch.events[0].previous?.lease == 11)
      #expect(try await store.leases() == [12])
      #expect(try await store.get(Bytes("kept")).keyValues.count == 1)
    }
  }

  @Test func `old history goes by itself`() async throws {
    try await TestCluster.with(1, { $0.historyRetention = .seconds(1) }) { cluster in
      for value in 0..<20 { _ = try await cluster[0].put(Bytes("k"), Bytes("\(value)")) }
      try await wait("the compaction") { cluster[0].status.compactedRevision == 21 }
      #expect(await code { _ = try await cluster[0].range(RangeRequest(key: Bytes("k"), revision: 5)) } == .compacted)
    }
  }

  @Test func `a failed disk stops the member and everybody is told`() async throws {
    let disk = SimulatedDisk()
    var configuration = TestCluster(1).configuration(0)
    configuration.tick = .milliseconds(5)
    configuration.journalSegmentBytes = 64 * 1024
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let store = try Store(
      configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), disk: disk, logger: logger
    ) { _, _ in NoLink() }
    try await store.start()
    try await wait("a leader") { store.leadership.isLocal }
    _ = try await store.put([1], [1])
    let cursor = try await store.watch(WatchRequest(everything))
    async let waiting = code { _ = try await cursor.next(limit: 1) }
    var faults = SimulatedDisk.Faults()
    faults.operationsLeft = 0
    disk.faults = faults
    #expect(await code { _ = try await store.put([1], [2]) } == .unavailable)
    #expect(await waiting == .unavailable)
    #expect(await code { _ = try await store.get([1]) } == .unavailable)
    #expect(store.health(liveOnly: true)?.contains("journal failed") ?? false)
    await store.stop()
  }

  @Test func `an impossible configuration is refused`() throws {
    let good = TestCluster(2).configuration(0)
    func refused(_ change: (inout StoreConfiguration) -> Void) -> StoreError.Code? {
      var configuration = good
      change(&configuration)
      do throws(StoreError) {
        try configuration.check()
        return nil
      } catch { return error.code }
    }
    #expect(refused { _ in } == nil)
    #expect(refused { $0.memberID = MemberID(1) } == .invalidConfiguration)
    #expect(refused { $0.members[1].name = $0.members[0].name } == .invalidConfiguration)
    #expect(
      refused { configuration in for index in configuration.members.indices { configuration.members[index].role = .learner } }
        == .invalidConfiguration)
    #expect(refused { $0.durability = .citySafe } == .invalidConfiguration)
  }
}
