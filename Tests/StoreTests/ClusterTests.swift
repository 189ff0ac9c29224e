import Keyspace
import Primitives
import Synchronization
import Testing

@testable import Store

@Suite(.serialized) struct ClusterTests {
  @Test func `a write through any member is read at once through every other`() async throws {
    try await TestCluster.with(5) { cluster in
      for round in 0..<20 {
        let revision = try await cluster[round % 5].put(Bytes("k"), Bytes("\(round)"))
        for reader in 0..<5 {
          let answer = try await cluster[reader].get(Bytes("k"))
          #expect(answer.keyValues.first?.value.text == "\(round)" && answer.revision == revision)
        }
      }
      let follower = cluster.running.first { !$0.leadership.isLocal }!
      let leader = cluster.running.first { $0.leadership.isLocal }!
      try await wait("everybody's progress") { leader.status.peers.count == 4 && leader.status.peers.allSatisfy { $0.lagEntries == 0 } }
      #expect(follower.status.leader == leader.configuration.memberID && follower.status.members.count == 5)
      #expect(await code { _ = try await follower.put(Bytes("x"), [], lease: 9) } == .leaseNotFound)
    }
  }

  @Test func `production leads, and the leadership moves when asked`() async throws {
    try await TestCluster.with(5) { cluster in
      try await wait("a leader in production") {
        cluster.running.contains { $0.leadership.isLocal && $0.configuration.member?.priority == 3 }
      }
      let from = try await cluster.waitForLeader()
      let to = from == 0 ? 1 : 0
      try await cluster[3].moveLeader(to: cluster.members[to].id)
      #expect(try await cluster.waitForLeader() == to)
      _ = try await cluster[4].put(Bytes("after"), [])
      #expect(await code { try await cluster[0].moveLeader(to: MemberID(1)) } == .unavailable)
    }
  }

  @Test func `the leader dies: nothing acknowledged is lost and watches go on without a gap`() async throws {
    try await TestCluster.with(5) { cluster in
      let first = try await cluster.waitForLeader()
      let survivors = (0..<5).filter { $0 != first }
      let notes = Notes()
      let cursor = try await cluster[survivors[0]].watch(WatchRequest(everything, startRevision: 1))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<8 {
          let store = cluster[survivors[writer % 4]]
          group.addTask {
            var value = 0
            while !notes.isStopped {
              let key = "w\(writer)-\(value)"
              if (try? await store.put(Bytes(key), Bytes("\(value)"))) != nil { notes.acknowledged(key, "\(value)") }
              value += 1
            }
          }
        }
        try await wait("some writes") { notes.all.count > 200 }
        await cluster.kill(first)
        let before = notes.all.count
        try await wait("writes after the death") { notes.all.count > before + 200 }
        notes.stop()
        try await group.waitForAll()
      }
      #expect(try await cluster.waitForLeader() != first)
      let all = notes.all
      let answer = try await cluster[survivors[1]].range(RangeRequest(everything))
      let found = Dictionary(uniqueKeysWithValues: answer.keyValues.map { ($0.key.text, $0.value.text) })
      #expect(all.allSatisfy { found[$0.key] == $0.value })
      // Every key was written once: the watch tells each exactly once, in order.
      var told: [Int64] = []
      while (told.last ?? 0) < answer.revision { told += try await cursor.next(limit: 100).events.map(\.keyValue.modRevision) }
      #expect(told == Array(2...answer.revision) && Int64(found.count) == answer.revision - 1)

      try await cluster.start(first)
      try await wait("the dead member's return") { cluster[first].status.appliedIndex >= cluster[survivors[0]].status.appliedIndex }
      var returned = RangeRequest(everything)
      returned.serializable = true
      #expect(try await cluster[first].range(returned).keyValues == answer.keyValues)
    }
  }

  @Test func `a member far behind is brought up by a snapshot, and its watchers go on`() async throws {
    try await TestCluster.with(
      3,
      {
        $0.snapshotEntries = 200
        $0.catchUpEntries = 50
      }
    ) { cluster in
      let leader = try await cluster.waitForLeader()
      let late = leader == 2 ? 1 : 2
      _ = try await cluster[late].put(Bytes("first"), [])
      await cluster.stop(late)
      for value in 0..<1500 { _ = try await cluster[leader].put(Bytes("k\(value % 300)"), Bytes(repeating: 7, count: 2000)) }
      let lease = try await cluster[leader].grantLease(ttlSeconds: 500, id: 0)
      try await cluster.start(late)
      let store = cluster[late]
      let cursor = try await store.watch(WatchRequest(everything, startRevision: 3))
      try await wait("the snapshot") {
        store.status.appliedIndex >= cluster[leader].status.appliedIndex && store.status.snapshotIndex > 1000
      }
      var serializable = RangeRequest(everything)
      serializable.serializable = true
      #expect(try await store.range(serializable) == cluster[leader].range(RangeRequest(everything)))
      #expect(try await store.leases() == [lease.id])
      var told: [Int64] = []
      while (told.last ?? 0) < 1502 { told += try await cursor.next(limit: 1000).events.map(\.keyValue.modRevision) }
      #expect(told == Array(3...1502))
      // What it got it keeps.
      _ = try await store.put(Bytes("last"), Bytes("1"))
      await cluster.stop(late)
      try await cluster.start(late)
      #expect(try await cluster[late].get(Bytes("last")).keyValues.count == 1)
    }
  }

  @Test func `leases are kept through any member and outlive their leader`() async throws {
    try await TestCluster.with(3) { cluster in
      let leader = try await cluster.waitForLeader()
      let (one, other) = ((leader + 1) % 3, (leader + 2) % 3)
      let lease = try await cluster[one].grantLease(ttlSeconds: 2, id: 0)
      _ = try await cluster[other].put(Bytes("k"), Bytes("v"), lease: lease.id)
      #expect(try await cluster[other].keepLeaseAlive(id: lease.id) == 2)
      #expect(try await cluster[one].leaseTimeToLive(id: lease.id, withKeys: true).keys == [Bytes("k")])
      await cluster.kill(leader)
      #expect(try await cluster[one].keepLeaseAlive(id: lease.id) == 2)
      #expect(try await cluster[other].get(Bytes("k")).keyValues.count == 1)
      try await wait("the lease's end under the new leader") { try await cluster[one].get(Bytes("k")).keyValues.isEmpty }
    }
  }

  @Test func `a new leader gives a long lease what its checkpoint says is left`() async throws {
    try await TestCluster.with(3, { $0.leaseCheckpointInterval = .milliseconds(300) }) { cluster in
      let leader = try await cluster.waitForLeader()
      let one = (leader + 1) % 3
      let lease = try await cluster[one].grantLease(ttlSeconds: 100, id: 0)
      let kept = try await cluster[one].grantLease(ttlSeconds: 100, id: 0)
      func remaining(_ id: Int64) async throws -> Int64 {
        let store = cluster[one]
        return try await store.eventLoop.submit { store.keyspace.leaseRemaining(id) }.get()
      }
      try await wait("checkpoints on a follower") {
        let (one, other) = (try await remaining(lease.id), try await remaining(kept.id))
        return (1..<99).contains(one) && other > 0
      }
      #expect(try await cluster[one].keepLeaseAlive(id: kept.id) == 100)
      await cluster.kill(leader)
      let left = try await cluster[one].leaseTimeToLive(id: lease.id, withKeys: false)
      #expect(left.ttlSeconds < 100 && left.ttlSeconds > 80 && left.grantedSeconds == 100)
      #expect(try await cluster[one].leaseTimeToLive(id: kept.id, withKeys: false).ttlSeconds >= left.ttlSeconds)
    }
  }

  @Test func `without a majority writes and linearizable reads fail with their reason, serializable reads go on`() async throws {
    try await TestCluster.with(3, { $0.requestTimeout = .milliseconds(700) }) { cluster in
      let leader = try await cluster.waitForLeader()
      _ = try await cluster[leader].put(Bytes("k"), Bytes("1"))
      for number in 0..<3 where number != leader { await cluster.kill(number) }
      async let write = code { _ = try await cluster[leader].put(Bytes("k"), Bytes("2")) }
      async let read = code { _ = try await cluster[leader].get(Bytes("k")) }
      #expect(await write == .timeout)
      let answer = await read
      #expect(answer == .noLeader || answer == .timeout)
      #expect(await code { _ = try await cluster[leader].put(Bytes("k"), Bytes("3")) } == .noLeader)
      #expect(try await cluster[leader].get(Bytes("k"), serializable: true).keyValues.first?.value.text == "1")
      #expect(cluster[leader].health() != nil && cluster[leader].health(liveOnly: true) == nil)
    }
  }
}

/// What writers were told.
private final class Notes: Sendable {
  private let state: Mutex<(all: [String: String], isStopped: Bool)> = Mutex(([:], false))
  var all: [String: String] { state.withLock { $0.all } }
  var isStopped: Bool { state.withLock { $0.isStopped } }
  func acknowledged(_ key: String, _ value: String) { state.withLock { $0.all[key] = value } }
  func stop() { state.withLock { $0.isStopped = true } }
}
