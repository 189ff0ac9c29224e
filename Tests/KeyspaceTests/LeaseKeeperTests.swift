import Keyspace
import Primitives
import Testing

@Suite struct LeaseKeeperTests {
  private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
  private func keeper(_ keyspace: Keyspace, _ now: Int64 = 0) -> LeaseKeeper {
    var keeper = LeaseKeeper(checkpointInterval: .seconds(300))
    keeper.begin(keyspace, now: at(now), grace: .zero)
    return keeper
  }

  @Test func `long leases are written down once an interval, short ones never`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 1, ttlSeconds: 1000))
    try keyspace.run(.grantLease(id: 2, ttlSeconds: 300))
    var keeper = keeper(keyspace)
    #expect(keeper.checkpoints(now: at(299)).isEmpty)
    let first = keeper.checkpoints(now: at(300))
    #expect(first == [LeaseCheckpoint(id: 1, remainingSeconds: 700)])
    #expect(keeper.checkpoints(now: at(301)).isEmpty)
    try keyspace.run(.checkpointLeases(first + [LeaseCheckpoint(id: 99, remainingSeconds: 5)]))
    keeper.checkpointsDecided(first)
    #expect(keyspace.leaseRemaining(1) == 700 && keyspace.leaseRemaining(2) == 0 && keyspace.leaseRemaining(99) == 0)
    // 400 s are left after the second: it is looked at once more, at the end of which 100 s are too few for another.
    #expect(keeper.checkpoints(now: at(600)).map(\.remainingSeconds) == [400])
    #expect(keeper.checkpoints(now: at(900)).map(\.remainingSeconds) == [100])
    #expect(keeper.checkpoints(now: at(999)).isEmpty)
  }

  @Test func `the next leader gives what is left and no more, and a snapshot carries it`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 1, ttlSeconds: 1000))
    try keyspace.run(.checkpointLeases([LeaseCheckpoint(id: 1, remainingSeconds: 40)]))
    var decoder = SnapshotDecoder()
    var encoder = SnapshotEncoder(keyspace)
    while let chunk = try encoder.next() { try decoder.consume(chunk) }
    let restored = try decoder.finish()
    #expect(restored.leaseRemaining(1) == 40 && restored.leaseTTL(1) == 1000)
    var next = keeper(restored, 5000)
    #expect(next.remaining(1, restored, now: at(5010)) == .seconds(30))
    #expect(next.expired(now: at(5039)).isEmpty && next.expired(now: at(5040)) == [1])
    // More than was granted is no checkpoint.
    try keyspace.run(.checkpointLeases([LeaseCheckpoint(id: 1, remainingSeconds: 2000)]))
    #expect(keyspace.leaseRemaining(1) == 0)
  }

  @Test func `a keep-alive takes a checkpoint back before it is answered, also one that is only proposed`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 1, ttlSeconds: 1000))
    var keeper = keeper(keyspace)
    let proposed = keeper.checkpoints(now: at(300))
    let clear = LeaseCheckpoint(id: 1, remainingSeconds: 0)
    #expect(keeper.keepAlive(1, keyspace, now: at(310)) == .clearFirst(clear))
    try keyspace.run(.checkpointLeases(proposed))
    keeper.checkpointsDecided(proposed)
    try keyspace.run(.checkpointLeases([clear]))
    keeper.checkpointsDecided([clear])
    #expect(keyspace.leaseRemaining(1) == 0)
    #expect(keeper.keepAlive(1, keyspace, now: at(311)) == .renewed(ttlSeconds: 1000))
    #expect(keeper.keepAlive(1, keyspace, now: at(320)) == .renewed(ttlSeconds: 1000))
  }

  /// Found by the simulation: 9,000 entries in five seconds.
  @Test func `two keep-alives of one lease at a time are both answered`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 1, ttlSeconds: 1000))
    var keeper = keeper(keyspace)
    let proposed = keeper.checkpoints(now: at(300))
    try keyspace.run(.checkpointLeases(proposed))
    keeper.checkpointsDecided(proposed)
    let clear = LeaseCheckpoint(id: 1, remainingSeconds: 0)
    for _ in 0..<2 { #expect(keeper.keepAlive(1, keyspace, now: at(310)) == .clearFirst(clear)) }
    for _ in 0..<2 {
      try keyspace.run(.checkpointLeases([clear]))
      keeper.checkpointsDecided([clear])
      #expect(keeper.keepAlive(1, keyspace, now: at(311)) == .renewed(ttlSeconds: 1000))
    }
  }

  @Test func `a keep-alive while the majority is asked saves the lease, one after the proposal comes too late`() throws {
    var keyspace = Keyspace()
    for id in 1...3 as ClosedRange<Int64> { try keyspace.run(.grantLease(id: id, ttlSeconds: 1)) }
    var keeper = keeper(keyspace)
    let asked = keeper.expired(now: at(1))
    #expect(asked == [1, 2, 3])
    #expect(keeper.keepAlive(2, keyspace, now: at(1)) == .renewed(ttlSeconds: 1))
    #expect(keeper.revocations(of: asked) == [1, 3])
    #expect(keeper.keepAlive(1, keyspace, now: at(1)) == .gone && keeper.remaining(1, keyspace, now: at(1)) == .zero)
    // Nothing is proposed twice, until one is certainly not in the log.
    #expect(keeper.expired(now: at(2)) == [2] && keeper.revocations(of: [1, 3]).isEmpty)
    keeper.revocationDropped(3)
    #expect(keeper.expired(now: at(4)) == [2, 3])
    try keyspace.run(.revokeLease(id: 1))
    keeper.onRevoked(1)
    #expect(keeper.remaining(1, keyspace, now: at(4)) == nil)
    keeper.end()
    #expect(keeper.expired(now: at(100)).isEmpty && keeper.checkpoints(now: at(1000)).isEmpty)
  }
}
