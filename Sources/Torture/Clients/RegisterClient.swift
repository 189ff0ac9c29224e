import EtcdAPI
import HTTP
import Histories
import Keyspace
import Primitives

/// Reads, puts, compares and deletes keys of the generation that is current, one call at a time, and records what it was told.
struct RegisterClient: Sendable {
  let number: Int
  let api: MemberAPI
  let members: Members
  let recorder: Recorder
  let seed: UInt64
  /// Milliseconds between two calls, at most.
  let pause: Int

  static let prefix = "t/"

  func run() async {
    var random = SeededRandom(seed: seed)
    var known: [String: (value: UInt64, modRevision: Int64)] = [:]
    var generation: Int = 0
    while !Task.isCancelled, !recorder.isFull {
      if recorder.generation != generation {
        generation = recorder.generation
        known = [:]
      }
      let key = "\(Self.prefix)k\(generation)/\(Int.random(in: 0..<TortureLimits.keysPerGeneration, using: &random))"
      let action: Call.Action = Self.draw(known[key]?.value ?? 0, recorder, &random)
      let byRevision: Int64? = Bool.random(using: &random) ? known[key]?.modRevision : nil
      let (begin, life): (Moment, Int) = (recorder.now(), members.life(api.member))
      var answer: Call.Answer?
      do {
        answer = try await ask(key, action, byRevision)
      } catch let error as KeyspaceError where (error.cause as? HTTPError)?.code == .connectFailed {
        // Nothing was sent: this call was none.
        try? await Task.sleep(for: .milliseconds(Int.random(in: 50...250, using: &random)))
        continue
      } catch {
        try? await Task.sleep(for: .milliseconds(Int.random(in: 20...150, using: &random)))
      }
      recorder.add(
        Call(
          client: number, member: api.member, life: life, key: key, action: action, begin: begin, end: recorder.now(), answer: answer,
          lifeAtEnd: members.life(api.member)))
      if let answer { Self.learn(key, action, answer, &known) }
      try? await Task.sleep(for: .milliseconds(Int.random(in: 0...pause, using: &random)))
    }
  }

  private static func draw(_ seen: UInt64, _ recorder: Recorder, _ random: inout SeededRandom) -> Call.Action {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: .get
    case 30..<45: .getSerializable
    case 45..<70: .put(recorder.value())
    case 70..<92: .compareAndPut(expected: seen, recorder.value())
    default: .delete
    }
  }

  private static func learn(
    _ key: String, _ action: Call.Action, _ answer: Call.Answer, _ known: inout [String: (value: UInt64, modRevision: Int64)]
  ) {
    switch action {
    case .get, .getSerializable: known[key] = (answer.value, answer.modRevision)
    case .put(let value): known[key] = (value, answer.revision)
    case .compareAndPut(_, let value): known[key] = answer.changed ? (value, answer.revision) : (answer.value, answer.modRevision)
    case .delete: known[key] = (0, 0)
    }
  }

  private func ask(_ key: String, _ action: Call.Action, _ byRevision: Int64?) async throws -> Call.Answer {
    let name = Bytes(key)
    switch action {
    case .get, .getSerializable:
      return Self.read(try await api.store.range(RangeRequest(key: name, serializable: action == .getSerializable)))
    case .put(let value):
      let put = PutRequest(key: name, value: ValueText.bytes(value))
      let revision: Int64 = try await api.store.transact(TransactionRequest(success: [.put(put)])).revision
      return Call.Answer(revision: revision, changed: true)
    case .compareAndPut(let expected, let value):
      let target: Compare.Target = byRevision.map { .mod($0) } ?? (expected == 0 ? .create(0) : .value(ValueText.bytes(expected)))
      let request = TransactionRequest(
        compares: [Compare(name, .equal, target)], success: [.put(PutRequest(key: name, value: ValueText.bytes(value)))],
        failure: [.range(RangeRequest(key: name))])
      let response: TransactionResponse = try await api.store.transact(request)
      if response.succeeded { return Call.Answer(revision: response.revision, changed: true) }
      guard case .range(let found)? = response.responses.first else { throw TortureError(.notReady, "The answer has no read.") }
      var answer: Call.Answer = Self.read(found)
      answer.revision = response.revision
      return answer
    case .delete:
      let response: TransactionResponse = try await api.store.transact(
        TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: name)))]))
      guard case .delete(let deleted, _)? = response.responses.first else { throw TortureError(.notReady, "The answer has no count.") }
      return Call.Answer(revision: response.revision, changed: deleted > 0)
    }
  }

  static func read(_ response: RangeResponse) -> Call.Answer {
    let found: KeyValue? = response.keyValues.first
    // A value that is no number of ours is one that nobody wrote: the rules say so.
    return Call.Answer(
      revision: response.revision, value: found.map { ValueText.value($0.value) ?? .max } ?? 0, modRevision: found?.modRevision ?? 0)
  }
}
