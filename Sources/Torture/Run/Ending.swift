import EtcdAPI
import Histories
import Keyspace
import Primitives

/// After the last fault: everybody serves again within a minute, and all members say the same.
struct Ending: Sendable {
  let apis: [MemberAPI]
  let recorder: Recorder
  private let clock = SystemClock()

  init(apis: [MemberAPI], recorder: Recorder) {
    self.apis = apis
    self.recorder = recorder
  }

  /// Every member answers a linearizable read. Returns who does not, within `seconds`, and how long the slowest took.
  func waitUntilServing(seconds: Int) async -> (silent: [Int], took: Duration) {
    let begin: MonotonicTime = clock.now()
    var silent: [Int] = Array(apis.indices)
    while !silent.isEmpty, clock.now() < begin + .seconds(seconds) {
      var still: [Int] = []
      for member in silent where (try? await apis[member].store.get(Bytes("t/ready"))) == nil { still.append(member) }
      silent = still
      if !silent.isEmpty { try? await Task.sleep(for: .milliseconds(50)) }
    }
    return (silent, clock.now() - begin)
  }

  /// Until no key on a lease is there any more, at most `seconds`.
  func waitForLeases(seconds: Int) async {
    let deadline: MonotonicTime = clock.now() + .seconds(seconds)
    while clock.now() < deadline {
      let request = RangeRequest(.prefix(Bytes(LeaseClient.prefix)), countOnly: true)
      if let count: Int64 = try? await apis[0].store.range(request).count, count == 0 { return }
      try? await Task.sleep(for: .milliseconds(200))
    }
  }

  /// One more write, which ends the history; its revision. An attempt without an answer may have written as well: each has its own value.
  func lastWrite() async throws -> Int64 {
    let key = "\(RegisterClient.prefix)end"
    for attempt in 0..<20 {
      let (value, begin): (UInt64, Moment) = (recorder.value(), recorder.now())
      let member: Int = attempt % apis.count
      let revision: Int64? = try? await apis[member].store.put(Bytes(key), ValueText.bytes(value))
      recorder.add(
        Call(
          client: -1, member: member, key: key, action: .put(value), begin: begin, end: recorder.now(),
          answer: revision.map { Call.Answer(revision: $0, changed: true) }))
      if let revision { return revision }
      try? await Task.sleep(for: .milliseconds(300))
    }
    throw TortureError(.notReady, "No member takes a write after the last fault was undone.")
  }

  /// Everything from the first revision on, as this member tells it from its own memory.
  func replay(_ api: MemberAPI, upTo end: Int64) async throws {
    let cursor: any WatchCursor = try await api.store.watch(
      WatchRequest(.prefix(Bytes(RegisterClient.prefix)), startRevision: 1))
    defer { cursor.cancel() }
    var changes: [Change] = []
    while true {
      let batch: WatchBatch = try await cursor.next(limit: 10_000)
      for event in batch.events {
        changes.append(
          Change(
            revision: event.keyValue.modRevision, key: event.keyValue.key.text,
            value: event.kind == .delete ? 0 : ValueText.value(event.keyValue.value) ?? .max))
      }
      if batch.revision >= end { break }
    }
    recorder.add(replayOf: api.member, changes.filter { $0.revision <= end })
  }

  /// Sentences about members that are not equal.
  func problems(at revision: Int64) async -> [String] {
    var problems: [String] = []
    var hashes: [(member: Int, hash: UInt32)] = []
    for api in apis {
      let name: String = TortureLayout.members[api.member].name
      do {
        try await replay(api, upTo: revision)
        hashes.append((api.member, try await api.hash(at: revision)))
      } catch {
        problems.append("\(name) does not tell its history after the faults: \(error)")
      }
    }
    for other in hashes.dropFirst() where other.hash != hashes[0].hash {
      let (first, second) = (TortureLayout.members[hashes[0].member].name, TortureLayout.members[other.member].name)
      problems.append("\(first) and \(second) have different hashes at revision \(revision): \(hashes[0].hash) and \(other.hash)")
    }
    return problems
  }
}
