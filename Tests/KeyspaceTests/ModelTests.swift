import Keyspace
import Primitives
import Testing

/// The keyspace as anybody would write it who need not care for speed: every revision kept as a whole dictionary.
private struct Model {
  var states: [[String: KeyValue]] = [[:], [:]]  // by revision; an empty store is at 1
  var events: [(revision: Int64, key: String, deleted: Bool)] = []
  var compacted: Int64 = 0
  var revision: Int64 { Int64(states.count - 1) }

  mutating func put(_ key: String, _ value: String) {
    var state = states[states.count - 1]
    let old = state[key]
    let next = revision + 1
    state[key] = KeyValue(
      key: Bytes(key), value: Bytes(value), createRevision: old?.createRevision ?? next, modRevision: next, version: (old?.version ?? 0) + 1
    )
    states.append(state)
    events.append((next, key, false))
  }
  mutating func delete(from: String, to: String) {
    var state = states[states.count - 1]
    let victims = state.keys.filter { $0 >= from && $0 < to }.sorted()
    if victims.isEmpty { return }
    for key in victims {
      state[key] = nil
      events.append((revision + 1, key, true))
    }
    states.append(state)
  }
}

@Suite struct ModelTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func `random histories agree with a model that keeps everything`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var keyspace = Keyspace()
    var model = Model()
    func name() -> String {
      let number = Int.random(in: 0..<900, using: &random)
      return String("000\(number)".suffix(4))
    }
    for step in 0..<3000 {
      switch Int.random(in: 0..<100, using: &random) {
      case ..<75:
        let (key, value) = (name(), "\(step)")
        model.put(key, value)
        try keyspace.run([putting(key, value)])
      case ..<95:
        let (a, b) = (name(), name())
        let wide = Int.random(in: 0..<20, using: &random) == 0
        let (from, to) = wide ? (min(a, b), max(a, b)) : (a, a + "\u{1}")
        model.delete(from: from, to: to)
        try keyspace.run([.delete(DeleteRequest(KeyRange(key: Bytes(from), end: Bytes(to))))])
      default:
        let target = Int64.random(in: 1...model.revision, using: &random)
        if target > model.compacted {
          model.compacted = target
          try keyspace.run(.compact(revision: target))
        }
      }
      #expect(keyspace.revision == model.revision)
      if step % 10 == 0 { try compare(keyspace, model, &random) }
      if step % 500 == 499 { keyspace = try throughSnapshot(keyspace, &random) }
    }
  }

  private func putting(_ key: String, _ value: String) -> Operation { .put(PutRequest(key: Bytes(key), value: Bytes(value))) }

  private func compare(_ keyspace: Keyspace, _ model: Model, _ random: inout SeededRandom) throws {
    let revision = Int64.random(in: max(1, model.compacted)...model.revision, using: &random)
    let state = model.states[Int(revision)]
    let expected = state.keys.sorted().map { state[$0]! }
    #expect(try keyspace.range(RangeRequest(everything, revision: revision)).keyValues == expected)
    let limit = Int.random(in: 1...50, using: &random)
    let limited = try keyspace.range(RangeRequest(everything, limit: Int64(limit)))
    let now = model.states[model.states.count - 1]
    #expect(limited.count == now.count && limited.more == (now.count > limit))
    #expect(limited.keyValues == now.keys.sorted().prefix(limit).map { now[$0]! })
    let low = "0\(Int.random(in: 0..<1000, using: &random))"
    let high = low + "~"
    let part = try keyspace.range(RangeRequest(KeyRange(key: Bytes(low), end: Bytes(high)), countOnly: true))
    #expect(part.count == Int64(now.keys.filter { $0 >= low && $0 < high }.count))

    var told: [String] = []
    var position = WatchPosition(revision: revision)
    while position.revision <= keyspace.revision {
      let (batch, next) = try keyspace.events(for: WatchRequest(everything), from: position, limit: limit)
      told += batch.events.map { "\($0.keyValue.modRevision)\($0.kind == .delete)\($0.keyValue.key.text)" }
      #expect(next > position)
      position = next
    }
    #expect(told == model.events.filter { $0.revision >= revision }.map { "\($0.revision)\($0.deleted)\($0.key)" })
  }

  private func throughSnapshot(_ keyspace: Keyspace, _ random: inout SeededRandom) throws -> Keyspace {
    var encoder = SnapshotEncoder(keyspace)
    var decoder = SnapshotDecoder()
    while let frame = try encoder.next() {
      var rest = frame[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...5000, using: &random))
        try decoder.consume(Array(piece))
        rest = rest.dropFirst(piece.count)
      }
    }
    let copy = try decoder.finish()
    // The copy has the size that is left when all memory is given back.
    var trimmed: Keyspace = keyspace
    while trimmed.wantsTrimming { trimmed.trim(limit: 1000) }
    #expect(
      copy.appliedIndex == keyspace.appliedIndex && copy.sizeBytes == trimmed.sizeBytes && copy.historyCount == keyspace.historyCount)
    #expect(try copy.hash() == keyspace.hash())
    return copy
  }
}
