import Primitives

extension RaftMessage {
  /// Appends the message: version, kind, from, to, term, body. About 25 bytes and the entries.
  public func encode(into bytes: inout Bytes) {
    bytes.append(wireVersion)
    bytes.append(kind.rawValue)
    bytes.writeMember(from)
    bytes.writeMember(to)
    bytes.writeInteger(term)
    switch body {
    case .preVote(let last): bytes.writePosition(last)
    case .vote(let last, let transfer):
      bytes.writePosition(last)
      bytes.writeBool(transfer)
    case .preVoteReply(let granted), .voteReply(let granted): bytes.writeBool(granted)
    case .append(let previous, let commit, let entries):
      bytes.writePosition(previous)
      bytes.writeInteger(commit)
      bytes.writeEntries(entries)
    case .appendAccepted(let index), .commit(let index): bytes.writeInteger(index)
    case .appendRejected(let previous, let hint):
      bytes.writeInteger(previous)
      bytes.writePosition(hint)
    case .heartbeat(let commit, let round):
      bytes.writeInteger(commit)
      bytes.writeInteger(round)
    case .heartbeatReply(let round): bytes.writeInteger(round)
    case .snapshot(let metadata): bytes.writeSnapshotMetadata(metadata)
    case .timeoutNow: break
    case .transferLeadership(let target): bytes.writeMember(target)
    case .propose(let id, let context, let kind, let payloads):
      bytes.writeInteger(id)
      bytes.writeInteger(context)
      bytes.append(kind.rawValue)
      bytes.writeInteger(UInt64(payloads.count))
      for payload in payloads { bytes.writeBytes(payload) }
    case .proposalDropped(let context, let reason):
      bytes.writeInteger(context)
      bytes.append(reason.rawValue)
    case .readIndex(let context): bytes.writeInteger(context)
    case .readIndexReply(let context, let index):
      bytes.writeInteger(context)
      bytes.writeInteger(index)
    }
  }

  /// Bytes that `encode` writes, and a few more.
  public var approximateSize: Int {
    switch body {
    case .append(_, _, let entries): entries.reduce(96) { $0 + $1.payload.count + 16 }
    case .propose(_, _, _, let payloads): payloads.reduce(96) { $0 + $1.count + 10 }
    default: 96
    }
  }

  var kind: MessageKind {
    switch body {
    case .preVote: .preVote
    case .preVoteReply: .preVoteReply
    case .vote: .vote
    case .voteReply: .voteReply
    case .append: .append
    case .appendAccepted: .appendAccepted
    case .appendRejected: .appendRejected
    case .heartbeat: .heartbeat
    case .heartbeatReply: .heartbeatReply
    case .commit: .commit
    case .snapshot: .snapshot
    case .timeoutNow: .timeoutNow
    case .transferLeadership: .transferLeadership
    case .propose: .propose
    case .proposalDropped: .proposalDropped
    case .readIndex: .readIndex
    case .readIndexReply: .readIndexReply
    }
  }
}

extension Bytes {
  /// Entries of an append message follow each other, so their indexes are not written.
  fileprivate mutating func writeEntries(_ entries: [Entry]) {
    writeInteger(UInt64(entries.count))
    for entry in entries {
      append(entry.kind.rawValue)
      writeInteger(entry.term)
      writeBytes(entry.payload)
    }
  }
}
