import Consensus
import Keyspace
import NIOCore
import Primitives
import Testing

@testable import Store

@Suite struct FrameTests {
  private static let append = RaftMessage(
    from: MemberID(1), to: MemberID(2), term: 3,
    body: .append(
      previous: LogPosition(term: 2, index: 8), commit: 7, entries: [Entry(index: 9, term: 3, payload: [1, 2, 3])]))
  private let frames: [StoreFrame] = [
    .raft(RaftMessage(from: MemberID(1), to: MemberID(2), term: 3, body: .heartbeat(commit: 4, round: 5))),
    .snapshotBegin(transfer: 9, metadata: [1, 2, 3]), .snapshotChunk(transfer: 9, number: 300, bytes: Bytes(repeating: 7, count: 1000)),
    .snapshotEnd(transfer: 9, chunks: 301, message: [4, 5]), .snapshotAcknowledged(transfer: 9, chunks: 1), .snapshotRefused(transfer: 9),
    .change(id: 5, command: [1, 6, 3]), .changed(id: 5, member: 9, code: "unhealthy", message: "no"),
    .relayed(receivers: [MemberID(2), MemberID(9)], Self.append), .forwarded(Self.append), .relayFailed(receivers: [MemberID(9)]),
    .snapshotWanted(RaftMessage(from: MemberID(1), to: MemberID(2), term: 3, body: .heartbeat(commit: 4, round: 5))),
    .snapshotReport(receiver: MemberID(7), isAlive: true), .snapshotReport(receiver: MemberID(7), isAlive: false),
    .call(id: 78, LeaderCall(kind: .citySafe, lease: 900)),
    .call(id: 77, LeaderCall(kind: .remaining, lease: -5)), .answer(id: 77, LeaderAnswer(outcome: .done, value: -1)),
  ]

  @Test func `frames come back as they went, and cut or altered ones are refused or different`() throws {
    var random = SeededRandom(seed: 5)
    for frame in frames {
      let buffer = frame.encode()
      let bytes = Bytes(buffer.readableBytesView)
      #expect(try StoreFrame(buffer).encode() == buffer)
      for length in 0..<bytes.count where length < 40 || length > bytes.count - 40 {
        #expect(throws: (any Error).self) { try StoreFrame(ByteBuffer(bytes: bytes[..<length])) }
      }
      #expect(throws: (any Error).self) { try StoreFrame(ByteBuffer(bytes: bytes + [0])) }
      for _ in 0..<200 {
        var altered = bytes
        altered[Int.random(in: 0..<altered.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        if let frame = try? StoreFrame(ByteBuffer(bytes: altered)) { #expect(Bytes(frame.encode().readableBytesView) == altered) }
      }
    }
  }

  @Test func `ids follow from names alone`() {
    let id = StoreIdentity.memberID(federation: "bank", host: "prod-1")
    #expect(id == StoreIdentity.memberID(federation: "bank", host: "prod-1") && id.value != 0)
    #expect(id != StoreIdentity.memberID(federation: "bank", host: "prod-2"))
    #expect(id != StoreIdentity.memberID(federation: "bankp", host: "rod-1"))
    #expect(StoreIdentity.clusterID(federation: "bank") != StoreIdentity.clusterID(federation: "other"))
  }

  @Test func `history is compacted to what it was a retention ago`() {
    var clock = CompactionClock(retention: .seconds(100))
    func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    var targets: [Int64: Int64] = [:]
    for second in 0...400 as ClosedRange<Int64> {
      if let target = clock.due(revision: second * 10 + 1, now: at(second)) { targets[second] = target }
    }
    #expect(targets.keys.min() == 100 && targets[100] == 1 && targets[110] == 101 && targets[400] == 3001)
    #expect(targets.count == 31)
  }

  @Test func `lag is read from what the log was at each tick`() {
    var lag = LagSamples()
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    for tick in 0..<10_000 as Range<Int64> {
      lag.add(bytes: 100)
      lag.note(index: UInt64(tick + 1), now: at(tick * 25))
    }
    #expect(lag.lag(of: 10_000, now: at(250_000)) == (0, 0))
    #expect(lag.lag(of: 9_960, now: at(9_999 * 25)) == (1, 4_000))
    let far = lag.lag(of: 1, now: at(9_999 * 25))
    #expect(far.seconds > 100 && far.bytes >= 400_000)
  }
}
