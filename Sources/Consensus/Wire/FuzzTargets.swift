import Primitives

extension FuzzTarget {
  /// What members say to each other, and what a journal keeps for them.
  public static var consensus: [FuzzTarget] {
    let position = LogPosition(term: 3, index: 900)
    let entries: [Entry] = [
      Entry(index: 901, term: 3, kind: .data, payload: [1, 2, 3]), Entry(index: 902, term: 4, kind: .empty, payload: []),
    ]
    let membership = Membership(voters: [MemberID(1), MemberID(2), MemberID(3)], outgoing: [MemberID(1)], learners: [MemberID(9)])
    let metadata = SnapshotMetadata(index: 900, term: 3, membership: membership)
    let bodies: [RaftMessage.Body] = [
      .preVote(last: position), .preVoteReply(granted: true), .vote(last: position, transfer: true), .voteReply(granted: false),
      .append(previous: position, commit: 899, entries: entries), .appendAccepted(index: 902),
      .appendRejected(previous: 900, hint: position),
      .heartbeat(commit: 899, round: 1 << 40), .heartbeatReply(round: 7), .commit(index: 900), .snapshot(metadata), .timeoutNow,
      .transferLeadership(to: MemberID(2)), .propose(id: 5, context: 6, kind: .data, payloads: [[1], [], [2, 3]]),
      .proposalDropped(context: 6, reason: .noLeader), .readIndex(context: 8), .readIndexReply(context: 8, index: 900),
    ]
    let messages: [Bytes] = bodies.map { body in
      var bytes: Bytes = []
      RaftMessage(from: MemberID(1), to: MemberID(2), term: 4, body: body).encode(into: &bytes)
      return bytes
    }
    let change = MembershipChange([.init(MemberID(4), .learner), .init(MemberID(1), .removed)], attachment: [1, 2])
    return [
      .roundTrip("raft-messages", corpus: messages, canonical: true, decode: { try RaftMessage.decode($0) }) { message in
        var bytes: Bytes = []
        message.encode(into: &bytes)
        return bytes
      },
      .roundTrip("raft-entries", corpus: entries.map { written($0.encode) }, canonical: true, decode: { try Entry.decode($0) }) {
        written($0.encode)
      },
      .roundTrip(
        "raft-hard-state",
        corpus: [HardState(term: 4, vote: MemberID(2), commit: 9), HardState(term: 1, vote: nil, commit: 0)].map {
          written($0.encode)
        }, canonical: true, decode: { try HardState.decode($0) }
      ) { written($0.encode) },
      .roundTrip("raft-snapshot-metadata", corpus: [written(metadata.encode)], canonical: true, decode: { try SnapshotMetadata.decode($0) })
      {
        written($0.encode)
      },
      .roundTrip(
        "raft-memberships", corpus: [membership.encoded(attachment: [7]), membership.encoded()], canonical: true,
        decode: { try Attached($0) }
      ) { $0.membership.encoded(attachment: $0.attachment) },
      .roundTrip("raft-membership-changes", corpus: [change.encoded()], canonical: true, decode: { try MembershipChange.decode($0) }) {
        $0.encoded()
      },
    ]
  }

  private static func written(_ encode: (inout Bytes) -> Void) -> Bytes {
    var bytes: Bytes = []
    encode(&bytes)
    return bytes
  }
}

/// A membership with what the shell attached to it.
private struct Attached: Equatable {
  var membership: Membership
  var attachment: Bytes
  init(_ bytes: Bytes) throws { (membership, attachment) = try Membership.decodeAttached(bytes) }
}
