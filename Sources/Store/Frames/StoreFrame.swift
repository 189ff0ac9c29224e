import Consensus
import NIOCore
import Primitives

/// What members send each other: consensus' messages, snapshots in pieces, and calls that only the leader can answer.
enum StoreFrame {
  case raft(RaftMessage)
  case snapshotBegin(transfer: UInt64, metadata: Bytes)
  case snapshotChunk(transfer: UInt64, number: UInt64, bytes: Bytes)
  /// The message is handed to consensus once the snapshot is on disk.
  case snapshotEnd(transfer: UInt64, chunks: UInt64, message: Bytes)
  /// So many chunks are on disk.
  case snapshotAcknowledged(transfer: UInt64, chunks: UInt64)
  /// The receiver cannot use it.
  case snapshotRefused(transfer: UInt64)
  case call(id: UInt64, LeaderCall)
  case answer(id: UInt64, LeaderAnswer)
  /// A change of members, asked of the leader.
  case change(id: UInt64, command: Bytes)
  /// `code` is empty when it was done; `member`: the one that was added, or 0.
  case changed(id: UInt64, member: UInt64, code: String, message: String)
  case horizon(LeaderHorizon)
  /// Entries of the leader for several members of one place: the one that gets the frame hands them to its neighbours.
  case relayed(receivers: [MemberID], RaftMessage)
  /// What a neighbour was given for us; the message is as from the leader.
  case forwarded(RaftMessage)
  /// A relay has no link to these.
  case relayFailed(receivers: [MemberID])
  /// The leader's message for a member that needs a snapshot: its receiver here is to send one to it.
  case snapshotWanted(RaftMessage)
  /// It still travels, or will not arrive.
  case snapshotReport(receiver: MemberID, isAlive: Bool)
  /// The sender's log was damaged; `repair` differs at each of its starts.
  case lost(repair: UInt64)
  /// The leader's answer: caught up to there, the sender of `lost` may vote again.
  case repairTarget(repair: UInt64, term: UInt64, index: UInt64)

  func encode() -> ByteBuffer { ByteBuffer(bytes: encodedBytes()) }

  func encodedBytes() -> Bytes {
    var writer = ByteWriter(reserving: 64)
    switch self {
    case .raft(let message): return Self.frame(1, message)
    case .snapshotBegin(let transfer, let metadata):
      writer.byte(2)
      writer.fixed64(transfer)
      writer.block(metadata)
    case .snapshotChunk(let transfer, let number, let bytes):
      writer.byte(3)
      writer.fixed64(transfer)
      writer.unsigned(number)
      writer.block(bytes)
    case .snapshotEnd(let transfer, let chunks, let message):
      writer.byte(4)
      writer.fixed64(transfer)
      writer.unsigned(chunks)
      writer.block(message)
    case .snapshotAcknowledged(let transfer, let chunks):
      writer.byte(5)
      writer.fixed64(transfer)
      writer.unsigned(chunks)
    case .snapshotRefused(let transfer):
      writer.byte(6)
      writer.fixed64(transfer)
    case .call(let id, let call):
      writer.byte(7)
      writer.fixed64(id)
      writer.byte(call.kind.rawValue)
      writer.signed(call.lease)
    case .answer(let id, let answer):
      writer.byte(8)
      writer.fixed64(id)
      writer.byte(answer.outcome.rawValue)
      writer.signed(answer.value)
    case .change(let id, let command):
      writer.byte(9)
      writer.fixed64(id)
      writer.block(command)
    case .changed(let id, let member, let code, let message):
      writer.byte(10)
      writer.fixed64(id)
      writer.fixed64(member)
      writer.block(Bytes(code))
      writer.block(Bytes(message))
    case .horizon(let horizon):
      writer.byte(11)
      horizon.encode(to: &writer)
    case .relayed(let receivers, let message):
      writer.byte(20)
      writer.members(receivers)
      var bytes: Bytes = writer.take()
      message.encode(into: &bytes)
      return bytes
    case .forwarded(let message): return Self.frame(21, message)
    case .relayFailed(let receivers):
      writer.byte(22)
      writer.members(receivers)
    case .snapshotWanted(let message): return Self.frame(23, message)
    case .snapshotReport(let receiver, let isAlive):
      writer.byte(24)
      writer.members([receiver])
      writer.byte(isAlive ? 1 : 0)
    case .lost(let repair):
      writer.byte(30)
      writer.fixed64(repair)
    case .repairTarget(let repair, let term, let index):
      writer.byte(31)
      writer.fixed64(repair)
      writer.fixed64(term)
      writer.fixed64(index)
    }
    return writer.take()
  }

  private static func frame(_ kind: UInt8, _ message: RaftMessage) -> Bytes {
    var bytes: Bytes = []
    bytes.reserveCapacity(message.approximateSize + 1)
    bytes.append(kind)
    message.encode(into: &bytes)
    return bytes
  }

  init(_ buffer: ByteBuffer) throws { try self.init(bytes: Bytes(buffer.readableBytesView)) }

  init(bytes: Bytes) throws {
    guard let kind: UInt8 = bytes.first else { throw MalformedBytes("empty frame", offset: 0) }
    if kind == 1 || kind == 21 || kind == 23 {
      let message: RaftMessage = try RaftMessage.decode(Bytes(bytes.dropFirst()))
      self = kind == 1 ? .raft(message) : kind == 21 ? .forwarded(message) : .snapshotWanted(message)
      return
    }
    var reader = ByteReader(bytes)
    _ = try reader.byte()
    switch kind {
    case 2: self = .snapshotBegin(transfer: try reader.fixed64(), metadata: try reader.block())
    case 3: self = .snapshotChunk(transfer: try reader.fixed64(), number: try reader.unsigned(), bytes: try reader.block())
    case 4: self = .snapshotEnd(transfer: try reader.fixed64(), chunks: try reader.unsigned(), message: try reader.block())
    case 5: self = .snapshotAcknowledged(transfer: try reader.fixed64(), chunks: try reader.unsigned())
    case 6: self = .snapshotRefused(transfer: try reader.fixed64())
    case 7:
      let id: UInt64 = try reader.fixed64()
      guard let kind = LeaderCall.Kind(rawValue: try reader.byte()) else { throw reader.malformed("unknown call") }
      self = .call(id: id, LeaderCall(kind: kind, lease: try reader.signed()))
    case 8:
      let id: UInt64 = try reader.fixed64()
      guard let outcome = LeaderAnswer.Outcome(rawValue: try reader.byte()) else { throw reader.malformed("unknown answer") }
      self = .answer(id: id, LeaderAnswer(outcome: outcome, value: try reader.signed()))
    case 9: self = .change(id: try reader.fixed64(), command: try reader.block())
    case 10:
      let (id, member): (UInt64, UInt64) = (try reader.fixed64(), try reader.fixed64())
      guard let code = String(validating: try reader.block(), as: UTF8.self),
        let message = String(validating: try reader.block(), as: UTF8.self)
      else { throw reader.malformed("text that is no UTF-8") }
      self = .changed(id: id, member: member, code: code, message: message)
    case 11: self = .horizon(try LeaderHorizon(from: &reader))
    case 20:
      let receivers: [MemberID] = try reader.members()
      self = .relayed(receivers: receivers, try RaftMessage.decode(Bytes(bytes[reader.offset...])))
      return
    case 22: self = .relayFailed(receivers: try reader.members())
    case 24:
      let receivers: [MemberID] = try reader.members()
      let state: UInt8 = try reader.byte()
      guard receivers.count == 1, state < 2 else { throw reader.malformed("a report of a snapshot") }
      self = .snapshotReport(receiver: receivers[0], isAlive: state == 1)
    case 30: self = .lost(repair: try reader.fixed64())
    case 31: self = .repairTarget(repair: try reader.fixed64(), term: try reader.fixed64(), index: try reader.fixed64())
    default: throw reader.malformed("unknown kind of frame \(kind): the sender runs another version")
    }
    try reader.finish()
  }
}

extension ByteWriter {
  fileprivate mutating func members(_ members: [MemberID]) {
    byte(UInt8(members.count))
    for member in members { fixed64(member.value) }
  }
}

extension ByteReader {
  fileprivate mutating func members() throws(MalformedBytes) -> [MemberID] {
    let count: UInt8 = try byte()
    guard count > 0, Int(count) <= ConsensusLimits.maxMembers else { throw malformed("\(count) members") }
    var members: [MemberID] = []
    for _ in 0..<count {
      let id: UInt64 = try fixed64()
      guard id != 0, !members.contains(MemberID(id)) else { throw malformed("member \(id) in a list of others") }
      members.append(MemberID(id))
    }
    return members
  }
}

/// What only the leader knows: when leases run out, and how far the others are.
struct LeaderCall: Hashable, Sendable {
  /// `citySafe`, `autoSafe`: answered once the entry at the index is that safe.
  enum Kind: UInt8, Sendable { case keepAlive, remaining, citySafe, autoSafe }
  var kind: Kind
  /// Or the index of an entry.
  var lease: Int64
}

struct LeaderAnswer: Hashable, Sendable {
  enum Outcome: UInt8, Sendable { case done, notLeader }
  var outcome: Outcome
  /// keepAlive: seconds granted, 0 if there is no such lease. remaining: milliseconds, -1 if there is none.
  var value: Int64
}
