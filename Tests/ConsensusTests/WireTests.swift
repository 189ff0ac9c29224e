import Primitives
import Testing

@testable import Consensus

@Suite struct WireTests {
  @Test func whatIsWrittenIsRead() throws {
    var random = SeededRandom(seed: 1)
    for _ in 0..<4000 {
      let message: RaftMessage = anyMessage(&random)
      var bytes: Bytes = []
      message.encode(into: &bytes)
      #expect(try RaftMessage.decode(bytes) == message)
    }
  }

  @Test func everyKindOfMessageIsMade() {
    var random = SeededRandom(seed: 2)
    var seen: Set<UInt8> = []
    for _ in 0..<1000 { seen.insert(anyMessage(&random).kind.rawValue) }
    #expect(seen.count == MessageKind.allCases.count)
  }

  @Test func aMessageThatEndsEarlyOrGoesOnIsRefused() {
    var random = SeededRandom(seed: 3)
    for _ in 0..<300 {
      var bytes: Bytes = []
      anyMessage(&random).encode(into: &bytes)
      for length in 0..<bytes.count {
        #expect(throws: ConsensusError(.malformed, "")) { try RaftMessage.decode(Bytes(bytes[..<length])) }
      }
      #expect(throws: ConsensusError(.malformed, "")) { try RaftMessage.decode(bytes + [0]) }
    }
  }

  /// There is one way to write a message: bytes that decode are the bytes that encoding gives.
  @Test func alteredBytesAreRefusedOrMeanWhatTheySay() {
    var random = SeededRandom(seed: 4)
    var accepted: Int = 0
    for _ in 0..<20_000 {
      var bytes: Bytes = []
      anyMessage(&random).encode(into: &bytes)
      for _ in 0...(random.next() % 3) { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
      guard let message = try? RaftMessage.decode(bytes) else { continue }
      accepted += 1
      var again: Bytes = []
      message.encode(into: &again)
      #expect(again == bytes)
    }
    #expect(accepted > 1000)
  }

  @Test func noiseIsRefused() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<20_000 {
      var bytes: Bytes = [wireVersion]
      for _ in 0..<(random.next() % 64) { bytes.append(UInt8(truncatingIfNeeded: random.next())) }
      if let message = try? RaftMessage.decode(bytes) {
        var again: Bytes = []
        message.encode(into: &again)
        #expect(again == bytes)
      }
      _ = try? Entry.decode(bytes)
      _ = try? HardState.decode(bytes)
      _ = try? SnapshotMetadata.decode(bytes)
      _ = try? Membership.decode(bytes)
      _ = try? MembershipChange.decode(bytes)
    }
  }

  @Test func anotherVersionIsRefusedByName() {
    var bytes: Bytes = []
    RaftMessage(from: MemberID(1), to: MemberID(2), term: 3, body: .timeoutNow).encode(into: &bytes)
    bytes[0] = 9
    #expect(throws: ConsensusError(.unknownVersion, "")) { try RaftMessage.decode(bytes) }
  }

  /// A format that is stored and sent is written down: this must not change without a new version.
  @Test func theFormatIsWhatItWas() {
    var bytes: Bytes = []
    let entry = Entry(index: 300, term: 2, kind: .data, payload: Bytes("ab"))
    RaftMessage(
      from: MemberID(1), to: MemberID(0x0203), term: 2,
      body: .append(previous: LogPosition(term: 1, index: 299), commit: 298, entries: [entry])
    ).encode(into: &bytes)
    #expect(
      bytes == [
        1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 2, 1, 0xAB, 2, 0xAA, 2, 1, 0, 2, 2, 0x61, 0x62,
      ])
    bytes = []
    entry.encode(into: &bytes)
    #expect(bytes == [1, 0, 2, 0xAC, 2, 2, 0x61, 0x62])
    bytes = []
    HardState(term: 5, vote: MemberID(7), commit: 200).encode(into: &bytes)
    #expect(bytes == [1, 5, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0xC8, 1])
  }

  @Test func storedStateIsRead() throws {
    var random = SeededRandom(seed: 6)
    for _ in 0..<500 {
      let entry: Entry = anyEntries(&random, after: LogPosition(term: 1, index: random.next() % 1000), count: 1)[0]
      var bytes: Bytes = []
      entry.encode(into: &bytes)
      #expect(try Entry.decode(bytes) == entry)
      bytes = []
      let state = HardState(term: random.next(), vote: random.next() % 2 == 0 ? nil : anyMember(&random), commit: random.next())
      state.encode(into: &bytes)
      #expect(try HardState.decode(bytes) == state)
      bytes = []
      let metadata = SnapshotMetadata(index: random.next(), term: random.next(), membership: anyMembership(&random))
      metadata.encode(into: &bytes)
      #expect(try SnapshotMetadata.decode(bytes) == metadata)
    }
  }
}

// MARK: Anything that may be said

func anyMember(_ random: inout SeededRandom) -> MemberID { MemberID(random.next() | 1) }

func anyMembership(_ random: inout SeededRandom) -> Membership {
  func some(_ least: UInt64) -> [MemberID] { (0..<(least + random.next() % 4)).map { _ in anyMember(&random) } }
  return Membership(voters: some(1), outgoing: some(0), learners: some(0))
}

func anyBytes(_ random: inout SeededRandom) -> Bytes {
  (0..<(random.next() % 20)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

func anyInteger(_ random: inout SeededRandom) -> UInt64 { random.next() >> (random.next() % 64) }

func anyPosition(_ random: inout SeededRandom) -> LogPosition {
  LogPosition(term: anyInteger(&random) >> 8, index: anyInteger(&random) >> 8)
}

func anyEntries(_ random: inout SeededRandom, after previous: LogPosition, count: UInt64) -> [Entry] {
  var entries: [Entry] = []
  var term: UInt64 = previous.term
  for offset in 0..<count {
    term += random.next() % 3
    let kind: Entry.Kind = Entry.Kind.allCases[Int(random.next() % 3)]
    entries.append(Entry(index: previous.index + offset + 1, term: term, kind: kind, payload: anyBytes(&random)))
  }
  return entries
}

func anyMessage(_ random: inout SeededRandom) -> RaftMessage {
  func flag() -> Bool { random.next() & 1 == 0 }
  func integer() -> UInt64 { anyInteger(&random) }
  let body: RaftMessage.Body
  switch MessageKind.allCases[Int(random.next() % UInt64(MessageKind.allCases.count))] {
  case .preVote: body = .preVote(last: anyPosition(&random))
  case .preVoteReply: body = .preVoteReply(granted: flag())
  case .vote: body = .vote(last: anyPosition(&random), transfer: flag())
  case .voteReply: body = .voteReply(granted: flag())
  case .append:
    let previous: LogPosition = anyPosition(&random)
    body = .append(previous: previous, commit: integer(), entries: anyEntries(&random, after: previous, count: random.next() % 5))
  case .appendAccepted: body = .appendAccepted(index: integer())
  case .appendRejected: body = .appendRejected(previous: integer(), hint: anyPosition(&random))
  case .heartbeat: body = .heartbeat(commit: integer(), round: integer())
  case .heartbeatReply: body = .heartbeatReply(round: integer())
  case .commit: body = .commit(index: integer())
  case .snapshot: body = .snapshot(SnapshotMetadata(index: integer(), term: integer(), membership: anyMembership(&random)))
  case .timeoutNow: body = .timeoutNow
  case .transferLeadership: body = .transferLeadership(to: anyMember(&random))
  case .propose:
    body = .propose(
      id: integer(), context: integer(), kind: flag() ? .data : .membership,
      payloads: (0..<(random.next() % 4)).map { _ in anyBytes(&random) })
  case .proposalDropped:
    body = .proposalDropped(context: integer(), reason: DropReason.allCases[Int(random.next() % UInt64(DropReason.allCases.count))])
  case .readIndex: body = .readIndex(context: integer())
  case .readIndexReply: body = .readIndexReply(context: integer(), index: integer())
  }
  return RaftMessage(from: anyMember(&random), to: anyMember(&random), term: integer(), body: body)
}
