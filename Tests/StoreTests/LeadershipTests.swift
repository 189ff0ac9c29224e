import Keyspace
import Primitives
import Synchronization
import Testing

@testable import Store

@Suite(.serialized) struct LeadershipTests {
  @Test func `a leader whose disk stalls lets another lead, and has it back when the disk is well for a while`() async throws {
    let stall = StallingDisk.Switch()
    try await TestCluster.with(
      3, disk: { number, path in StallingDisk(path, number == 0 ? stall : StallingDisk.Switch()) },
      { configuration in
        configuration.diskStallLimit = .milliseconds(300)
        for place in configuration.members.indices { configuration.members[place].priority = 3 - place }
      }
    ) { cluster in
      try await wait("the first member's leadership") { cluster[0].leadership.isLocal }
      _ = try await cluster[1].put(Bytes("k"), Bytes("1"))
      stall.isStalled.store(true, ordering: .relaxed)
      // Two of three have it on disk: nobody waits for the slow one.
      _ = try await cluster[1].put(Bytes("k"), Bytes("2"))
      try await wait("another leader") { cluster[1].leadership.isLocal || cluster[2].leadership.isLocal }
      let term = cluster[1].leadership.term
      _ = try await cluster[0].put(Bytes("k"), Bytes("3"))
      // Longer than a leader waits before it hands over to one placed better.
      try await Task.sleep(for: .milliseconds(1200))
      #expect(!cluster[0].leadership.isLocal && cluster[1].leadership.term == term)
      stall.isStalled.store(false, ordering: .relaxed)
      try await wait("the hand-back") { cluster[0].leadership.isLocal }
      #expect(try await cluster[2].get(Bytes("k")).keyValues.first?.value.text == "3")
    }
  }

  @Test func `a leader alone revokes no lease and answers no read`() async throws {
    try await TestCluster.with(3, { $0.requestTimeout = .milliseconds(1500) }) { cluster in
      let leader = try await cluster.waitForLeader()
      let other = (leader + 1) % 3
      let lease = try await cluster[other].grantLease(ttlSeconds: 1, id: 0)
      _ = try await cluster[other].put(Bytes("held"), [], lease: lease.id)
      cluster.network.isolate(cluster.members[leader].id)
      async let read = code { _ = try await cluster[leader].get(Bytes("held")) }
      let clock = SystemClock()
      let start = clock.now()
      while clock.now() - start < .milliseconds(2500) {
        _ = try? await cluster[other].keepLeaseAlive(id: lease.id)
        try await Task.sleep(for: .milliseconds(100))
      }
      let answer = await read
      #expect(answer == .noLeader || answer == .timeout)
      #expect(!cluster[leader].leadership.isLocal)
      // By its own clock the lease has run out long ago; its log says nothing of that.
      let alone = try await cluster[leader].eventLoop.submit { cluster[leader].keyspace.leases }.get()
      #expect(alone == [lease.id])
      #expect(try await cluster[other].get(Bytes("held")).keyValues.count == 1)
      try await wait("its end, once nobody keeps it") { try await cluster[other].get(Bytes("held")).keyValues.isEmpty }
    }
  }

  /// Prints what it measured: the longest time between two acknowledged writes of one writer around each transfer.
  @Test func `planned transfers under load pause writes for a moment only`() async throws {
    try await TestCluster.with(5) { cluster in
      try await wait("a leader in production") { cluster[0].leadership.isLocal || cluster[1].leadership.isLocal }
      let pauses = Pauses()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<4 {
          group.addTask {
            let clock = SystemClock()
            var last: MonotonicTime = clock.now()
            while !pauses.isOver {
              _ = try await cluster[writer].put(Bytes("w\(writer)"), Bytes("x"))
              let now: MonotonicTime = clock.now()
              pauses.note(now - last)
              last = now
            }
          }
        }
        for round in 0..<6 {
          let target = round % 2 == 0 ? (cluster[0].leadership.isLocal ? 1 : 0) : (cluster[1].leadership.isLocal ? 0 : 1)
          try await Task.sleep(for: .milliseconds(150))
          do { try await cluster[3].moveLeader(to: cluster.members[target].id) } catch {
            // Else the writers, and with them the test, would go on for ever.
            pauses.end()
            throw error
          }
        }
        pauses.end()
        try await group.waitForAll()
      }
      let longest: Duration = pauses.longest
      print("six planned transfers, four writers: longest pause of a writer \(longest.inMilliseconds) ms")
      #expect(longest < .seconds(1))
    }
  }
}

/// The longest wait of several writers.
private final class Pauses: Sendable {
  private let state: Mutex<(longest: Duration, isOver: Bool)> = Mutex((.zero, false))
  var longest: Duration { state.withLock { $0.longest } }
  var isOver: Bool { state.withLock { $0.isOver } }
  func note(_ pause: Duration) { state.withLock { $0.longest = max($0.longest, pause) } }
  func end() { state.withLock { $0.isOver = true } }
}
