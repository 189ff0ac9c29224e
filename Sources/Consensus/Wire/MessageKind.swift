/// The byte that says which body follows. Values are for ever.
enum MessageKind: UInt8, CaseIterable {
  case preVote = 1
  case preVoteReply = 2
  case vote = 3
  case voteReply = 4
  case append = 5
  case appendAccepted = 6
  case appendRejected = 7
  case heartbeat = 8
  case heartbeatReply = 9
  case commit = 10
  case snapshot = 11
  case timeoutNow = 12
  case transferLeadership = 13
  case propose = 14
  case proposalDropped = 15
  case readIndex = 16
  case readIndexReply = 17
}
