import Consensus
import Primitives

/// Messages and entries as the transcripts write them.
func words(_ entry: Entry) -> String {
  switch entry.kind {
  case .data: "\(entry.index)@\(entry.term) \"\(entry.payload.text)\""
  case .empty: "\(entry.index)@\(entry.term) empty"
  case .membership: "\(entry.index)@\(entry.term) \((try? Membership.decode(entry.payload))?.description ?? "unreadable membership")"
  }
}

func words(_ position: LogPosition) -> String { "\(position.index)@\(position.term)" }

func words(_ message: RaftMessage) -> String {
  let what: String =
    switch message.body {
    case .preVote(let last): "would you vote, my log ends at \(words(last))"
    case .preVoteReply(let granted): granted ? "I would" : "I would not"
    case .vote(let last, let transfer): "vote for me, my log ends at \(words(last))\(transfer ? ", I was asked to" : "")"
    case .voteReply(let granted): granted ? "you have my vote" : "not my vote"
    case .append(let previous, let commit, let entries):
      "append after \(words(previous)) commit \(commit) [\(entries.map(words).joined(separator: ", "))]"
    case .appendAccepted(let index): "I have \(index)"
    case .appendRejected(let previous, let hint): "I have no such \(previous), perhaps \(words(hint))"
    case .heartbeat(let commit, let round): "heartbeat commit \(commit)\(round == 0 ? "" : " round \(round)")"
    case .heartbeatReply(let round): "I hear you\(round == 0 ? "" : " round \(round)")"
    case .commit(let index): "commit \(index)"
    case .snapshot(let metadata): "snapshot \(metadata.index)@\(metadata.term) \(metadata.membership)"
    case .timeoutNow: "campaign now"
    case .transferLeadership(let target): "hand over to \(target)"
    case .propose(_, let context, _, let payloads): "propose \(context) [\(payloads.map(\.text).joined(separator: ", "))]"
    case .proposalDropped(let context, let reason): "proposal \(context) dropped: \(reason)"
    case .readIndex: "read"
    case .readIndexReply(_, let index): "read at \(index)"
    }
  return "\(message.from)→\(message.to) t\(message.term) \(what)"
}

/// The same under a name that local variables do not hide.
func wording(_ entry: Entry) -> String { words(entry) }
