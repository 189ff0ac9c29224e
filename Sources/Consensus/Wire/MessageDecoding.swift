import Primitives

extension RaftMessage {
  /// Reads exactly one message. Throws `.malformed` or `.unknownVersion`, whatever the bytes are.
  public static func decode(_ bytes: Bytes) throws(ConsensusError) -> RaftMessage {
    var reader = WireReader(bytes)
    guard bytes.count <= ConsensusLimits.maxMessageBytes else {
      throw reader.malformed("a message has more than \(ConsensusLimits.maxMessageBytes) bytes")
    }
    try reader.readVersion("a message")
    let byte: UInt8 = try reader.readByte("the kind of a message")
    guard let kind = MessageKind(rawValue: byte) else { throw reader.malformed("\(byte) is no kind of message") }
    let from: MemberID = try reader.readMember("the sender")
    let to: MemberID = try reader.readMember("the receiver")
    let term: UInt64 = try reader.readInteger("the term")
    let body: Body = try reader.readBody(kind)
    try reader.finish("a message")
    return RaftMessage(from: from, to: to, term: term, body: body)
  }
}

extension WireReader {
  fileprivate mutating func readBody(_ kind: MessageKind) throws(ConsensusError) -> RaftMessage.Body {
    switch kind {
    case .preVote: return .preVote(last: try readPosition("the last entry"))
    case .preVoteReply: return .preVoteReply(granted: try readBool("the answer"))
    case .vote:
      let last: LogPosition = try readPosition("the last entry")
      return .vote(last: last, transfer: try readBool("whether it is a transfer"))
    case .voteReply: return .voteReply(granted: try readBool("the answer"))
    case .append: return try readAppend()
    case .appendAccepted: return .appendAccepted(index: try readInteger("the index"))
    case .appendRejected:
      let previous: UInt64 = try readInteger("the previous index")
      return .appendRejected(previous: previous, hint: try readPosition("the hint"))
    case .heartbeat:
      let commit: UInt64 = try readInteger("the commit index")
      return .heartbeat(commit: commit, round: try readInteger("the round"))
    case .heartbeatReply: return .heartbeatReply(round: try readInteger("the round"))
    case .commit: return .commit(index: try readInteger("the commit index"))
    case .snapshot: return .snapshot(try readSnapshotMetadata())
    case .timeoutNow: return .timeoutNow
    case .transferLeadership: return .transferLeadership(to: try readMember("the next leader"))
    case .propose: return try readProposal()
    case .proposalDropped:
      let context: UInt64 = try readInteger("the context")
      let byte: UInt8 = try readByte("the reason")
      guard let reason = DropReason(rawValue: byte) else { throw malformed("\(byte) is no reason to drop a proposal") }
      return .proposalDropped(context: context, reason: reason)
    case .readIndex: return .readIndex(context: try readInteger("the context"))
    case .readIndexReply:
      let context: UInt64 = try readInteger("the context")
      return .readIndexReply(context: context, index: try readInteger("the index"))
    }
  }

  private mutating func readAppend() throws(ConsensusError) -> RaftMessage.Body {
    let previous: LogPosition = try readPosition("the previous entry")
    let commit: UInt64 = try readInteger("the commit index")
    let count: Int = try readCount("the number of entries", limit: ConsensusLimits.maxEntriesPerMessage)
    guard previous.index <= UInt64.max - UInt64(count) else { throw malformed("the previous index is beyond every log") }
    var entries: [Entry] = []
    var index: UInt64 = previous.index
    var term: UInt64 = previous.term
    for _ in 0..<count {
      index += 1
      let kind: Entry.Kind = try readKind()
      let next: UInt64 = try readInteger("the term of an entry")
      guard next >= term else { throw malformed("the terms of the entries go back") }
      term = next
      let payload: Bytes = try readBytes("an entry's payload", limit: ConsensusLimits.maxEntryPayload)
      entries.append(Entry(index: index, term: term, kind: kind, payload: payload))
    }
    return .append(previous: previous, commit: commit, entries: entries)
  }

  private mutating func readProposal() throws(ConsensusError) -> RaftMessage.Body {
    let id: UInt64 = try readInteger("the proposal's id")
    let context: UInt64 = try readInteger("the context")
    let kind: Entry.Kind = try readKind()
    guard kind != .empty else { throw malformed("an empty entry cannot be proposed,") }
    let count: Int = try readCount("the number of payloads", limit: ConsensusLimits.maxForwardedPayloads)
    var payloads: [Bytes] = []
    for _ in 0..<count { payloads.append(try readBytes("a payload", limit: ConsensusLimits.maxEntryPayload)) }
    return .propose(id: id, context: context, kind: kind, payloads: payloads)
  }
}
