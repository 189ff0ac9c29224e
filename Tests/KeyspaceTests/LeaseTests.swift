import Keyspace
import Primitives
import Testing

@Suite struct LeaseTests {
  @Test func `a revoked lease takes its keys with it, in order, at one revision`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 7, ttlSeconds: 10))
    #expect(keyspace.revision == 1)
    try keyspace.run([put("b", "1", lease: 7)])
    try keyspace.run([put("a", "1", lease: 7), put("c", "1")])
    #expect(keyspace.leaseKeys(7).map(\.text) == ["a", "b"])
    try keyspace.run(.revokeLease(id: 7))
    #expect(keyspace.revision == 4)
    #expect(try keyspace.range(RangeRequest(everything)).keyValues.map(\.key.text) == ["c"])
    let events = try keyspace.events(for: WatchRequest(everything), from: WatchPosition(revision: 4), limit: 10).batch.events
    #expect(events.map(\.keyValue.key.text) == ["a", "b"] && events.allSatisfy { $0.kind == .delete })
    #expect(code { try keyspace.run(.revokeLease(id: 7)) } == .leaseNotFound)
  }

  @Test func `a put moves its key to the lease it names, a deletion detaches it`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 1, ttlSeconds: 10))
    try keyspace.run(.grantLease(id: 2, ttlSeconds: 10))
    #expect(code { try keyspace.run(.grantLease(id: 2, ttlSeconds: 10)) } == .leaseExists)
    #expect(code { try KeyspaceCommand.grantLease(id: 2, ttlSeconds: 9_000_000_001).check() } == .leaseTTLTooLarge)
    try keyspace.run([put("a", "1", lease: 1), put("b", "1", lease: 1)])
    try keyspace.run([put("a", "2", lease: 2)])
    #expect(keyspace.leaseKeys(1).map(\.text) == ["b"] && keyspace.leaseKeys(2).map(\.text) == ["a"])
    try keyspace.run([.put(PutRequest(key: Bytes("a"), value: Bytes("3"), ignoreLease: true))])
    #expect(keyspace.leaseKeys(2).map(\.text) == ["a"])
    try keyspace.run([put("a", "4")])
    try keyspace.run([delete("b")])
    #expect(keyspace.leaseKeys(1).isEmpty && keyspace.leaseKeys(2).isEmpty)
    #expect(keyspace.leases == [1, 2])
  }

  @Test func `leases run out in order, live on when kept alive, and are told again until revoked`() {
    var timer = LeaseTimer()
    func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    timer.start(1, ttlSeconds: 5, now: at(0))
    timer.start(2, ttlSeconds: 3, now: at(0))
    timer.start(3, ttlSeconds: 4, now: at(0))
    #expect(timer.expired(now: at(2)) == [])
    timer.start(2, ttlSeconds: 3, now: at(2))
    #expect(timer.expired(now: at(5)) == [3, 1, 2])
    #expect(timer.expired(now: at(5)) == [])
    timer.stop(1)
    #expect(timer.expired(now: at(6)) == [2, 3])
    for round in 0..<10_000 { timer.start(2, ttlSeconds: 3, now: at(Int64(10 + round))) }
    #expect(timer.remaining(2, now: at(10_009)) == .seconds(3))
    #expect(timer.remaining(1, now: at(0)) == nil)
  }

  @Test func `a local keyspace lets leases run out`() async throws {
    let clock = ManualClock()
    let store = LocalKeyspace(clock: clock)
    let grant = try await store.grantLease(ttlSeconds: 5, id: 0)
    _ = try await store.put(Bytes("k"), Bytes("v"), lease: grant.id)
    clock.advance(.seconds(4))
    #expect(try await store.keepLeaseAlive(id: grant.id) == 5)
    clock.advance(.seconds(4))
    #expect(try await store.leaseTimeToLive(id: grant.id, withKeys: true).keys == [Bytes("k")])
    #expect(try await store.leaseTimeToLive(id: grant.id, withKeys: false).ttlSeconds == 1)
    clock.advance(.seconds(2))
    #expect(try await store.get(Bytes("k")).keyValues.isEmpty)
    #expect(try await store.leaseTimeToLive(id: grant.id, withKeys: false).ttlSeconds == -1)
    #expect(try await store.keepLeaseAlive(id: grant.id) == 0)
    #expect(try await store.leases().isEmpty)
  }
}
