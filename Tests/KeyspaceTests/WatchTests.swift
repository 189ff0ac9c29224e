import Keyspace
import Primitives
import Synchronization
import Testing

@Suite struct WatchTests {
  private func texts(_ batch: WatchBatch) -> [String] {
    batch.events.map { "\($0.kind == .put ? "+" : "-")\($0.keyValue.key.text)@\($0.keyValue.modRevision)" }
  }

  @Test func `history is told in order, in whole revisions, and filtered`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1"), put("b", "1")])
    try keyspace.run([put("c", "1")])
    try keyspace.run([delete("a"), put("d", "1")])
    func scan(_ request: WatchRequest, from revision: Int64, sub: Int64 = 0, limit: Int) throws -> ([String], Int64, WatchPosition) {
      let (batch, next) = try keyspace.events(for: request, from: WatchPosition(revision: revision, sub: sub), limit: limit)
      return (texts(batch), batch.revision, next)
    }
    let all = WatchRequest(everything, previous: true)
    #expect(try scan(all, from: 2, limit: 100) == (["+a@2", "+b@2", "+c@3", "-a@4", "+d@4"], 4, WatchPosition(revision: 5)))
    #expect(try scan(all, from: 2, limit: 2) == (["+a@2", "+b@2"], 2, WatchPosition(revision: 3)))
    #expect(try scan(all, from: 2, limit: 4) == (["+a@2", "+b@2", "+c@3"], 3, WatchPosition(revision: 4)))
    #expect(try scan(all, from: 2, limit: 1) == (["+a@2"], 1, WatchPosition(revision: 2, sub: 1)))
    #expect(try scan(all, from: 2, sub: 1, limit: 1) == (["+b@2"], 2, WatchPosition(revision: 3)))
    #expect(try scan(WatchRequest(everything, noPut: true), from: 1, limit: 9) == (["-a@4"], 4, WatchPosition(revision: 5)))
    #expect(try scan(WatchRequest(everything, noDelete: true), from: 4, limit: 9).0 == ["+d@4"])
    #expect(try scan(WatchRequest(KeyRange(key: Bytes("a"))), from: 2, limit: 9).0 == ["+a@2", "-a@4"])
    let events = try keyspace.events(for: all, from: WatchPosition(revision: 4), limit: 9).batch.events
    #expect(events[0].previous?.value.text == "1" && events[1].previous == nil)
  }

  @Test func `a watch may start at the compacted revision, not below`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1")])
    try keyspace.run([put("a", "2")])
    try keyspace.run([delete("a")])
    try keyspace.run([put("b", "1")])
    try keyspace.run(.compact(revision: 4))
    let request = WatchRequest(everything, previous: true)
    #expect(try texts(keyspace.events(for: request, from: WatchPosition(revision: 4), limit: 9).batch) == ["-a@4", "+b@5"])
    #expect(code { _ = try keyspace.events(for: request, from: WatchPosition(revision: 3), limit: 9) } == .compacted)
    try keyspace.run(.compact(revision: 5))
    #expect(keyspace.keyCount == 1)
  }

  @Test func `a waiting watcher is woken by what concerns it, and nothing else`() async throws {
    let store = LocalKeyspace()
    let cursor = try await store.watch(WatchRequest(.prefix(Bytes("/a/")), previous: true))
    let exact = try await store.watch(WatchRequest(KeyRange(key: Bytes("/b"))))
    async let first = cursor.next(limit: 10)
    async let second = exact.next(limit: 10)
    _ = try await store.put(Bytes("/c"), [])
    _ = try await store.put(Bytes("/a/x"), Bytes("1"))
    #expect(try await texts(first) == ["+/a/x@3"])
    _ = try await store.put(Bytes("/b"), Bytes("1"))
    #expect(try await texts(second) == ["+/b@4"])
  }

  @Test func `a cancelled wait loses nothing, a cancelled watch answers cancelled`() async throws {
    let store = LocalKeyspace()
    let cursor = try await store.watch(WatchRequest(everything))
    for round in 0..<200 {
      let waiting = Task { try await cursor.next(limit: 10) }
      if round % 2 == 0 { await Task.yield() }
      waiting.cancel()
      #expect(await code { _ = try await waiting.value } == .cancelled)
    }
    // Compaction passes the place where the abandoned waits stood: they had seen everything, so the watch goes on.
    for value in 0..<10 { _ = try await store.put(Bytes("k"), Bytes("\(value)")) }
    #expect(try await cursor.next(limit: 100).events.count == 10)
    let abandoned = Task { try await cursor.next(limit: 10) }
    while store.waiting == 0 { await Task.yield() }
    abandoned.cancel()
    _ = try? await abandoned.value
    cursor.cancel()
    #expect(await code { _ = try await cursor.next(limit: 1) } == .cancelled)
  }

  @Test func `an idle watcher is not hit by compaction`() async throws {
    let store = LocalKeyspace()
    let cursor = try await store.watch(WatchRequest(KeyRange(key: Bytes("quiet"))))
    let waiting = Task { try await cursor.next(limit: 10) }
    while store.waiting == 0 { await Task.yield() }
    for value in 0..<100 { _ = try await store.put(Bytes("busy"), Bytes("\(value)")) }
    try await store.compact(revision: 90)
    waiting.cancel()
    _ = try? await waiting.value
    try await store.compact(revision: 101)
    _ = try await store.put(Bytes("quiet"), [])
    #expect(try await texts(cursor.next(limit: 10)) == ["+quiet@102"])
  }

  @Test func `progress comes when asked for`() async throws {
    let store = LocalKeyspace()
    _ = try await store.put(Bytes("a"), [])
    let cursor = try await store.watch(WatchRequest(KeyRange(key: Bytes("b"))))
    cursor.requestProgress()
    #expect(try await cursor.next(limit: 1) == WatchBatch(revision: 2, events: []))
    let waiting = Task { try await cursor.next(limit: 1) }
    while store.waiting == 0 { await Task.yield() }
    _ = try await store.put(Bytes("a"), [])
    cursor.requestProgress()
    #expect(try await waiting.value == WatchBatch(revision: 3, events: []))
  }

  @Test func `a dropped cursor closes its watch`() async throws {
    let store = LocalKeyspace()
    do { _ = try await store.watch(WatchRequest(everything)) }
    #expect(store.watchCount == 0)
    #expect(await code { _ = try await store.watch(WatchRequest(KeyRange(key: []))) } == .emptyKey)
  }

  @Test func `who is far behind is served in pieces, and a write in between reaches who waits at once`() throws {
    var keyspace = Keyspace()
    for number in 0..<50_000 { try keyspace.run([put("busy", "\(number)")]) }
    var watches = Watches()
    watches.onApplied(keyspace)
    func pull(_ id: Int, into told: Told) {
      watches.pull(id, limit: 1_000, keyspace) { result in
        told.batches.withLock { $0.append((try? result.get()) ?? WatchBatch(revision: -1, events: [])) }
      }
    }
    // Of a key that nobody writes, from the beginning: there is nothing to tell but how far it is.
    let (behind, waiting): (Int, Int) = (
      try watches.open(WatchRequest(KeyRange(key: Bytes("quiet")), startRevision: 1), keyspace),
      try watches.open(WatchRequest(KeyRange(key: Bytes("busy"))), keyspace)
    )
    let (progress, news) = (Told(), Told())
    pull(waiting, into: news)
    pull(behind, into: progress)
    #expect(progress.batches.withLock { $0.map(\.revision) } == [20_001] && watches.waitingCount == 1)
    try keyspace.run([put("busy", "new")])
    watches.onApplied(keyspace)
    #expect(news.batches.withLock { $0.flatMap(\.events).map(\.keyValue.modRevision) } == [50_002])
    pull(behind, into: progress)
    pull(behind, into: progress)
    #expect(progress.batches.withLock { $0.map(\.revision) } == [20_001, 40_001])
    #expect(progress.batches.withLock { $0.allSatisfy(\.events.isEmpty) } && watches.waitingCount == 1)
    // Caught up, it waits as everybody does.
    try keyspace.run([put("quiet", "1")])
    watches.onApplied(keyspace)
    #expect(progress.batches.withLock { $0.last?.events.map(\.keyValue.modRevision) } == [50_003])
  }

  @Test func `many watchers see every write once, in order`() async throws {
    let store = LocalKeyspace()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for start in [1, 2, 5, 50, 300] {
        let cursor = try await store.watch(WatchRequest(everything, startRevision: Int64(start)))
        group.addTask {
          var seen: [Int64] = []
          while seen.last ?? 0 < 501 { seen += try await cursor.next(limit: 7).events.map(\.keyValue.modRevision) }
          #expect(seen == Array(Int64(max(start, 2))...501))
          return seen.count
        }
      }
      for writer in 0..<5 {
        group.addTask {
          for value in 0..<100 { _ = try await store.put(Bytes("k\(writer)"), Bytes("\(value)")) }
          return 0
        }
      }
      try await group.waitForAll()
    }
  }
}

private final class Told: Sendable {
  let batches: Mutex<[WatchBatch]> = Mutex([])
}

extension LocalKeyspace {
  var waiting: Int { watchFigures.waiting }
  var watchCount: Int { watchFigures.open }
}
