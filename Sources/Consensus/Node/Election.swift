import Primitives

/// Campaigns: a silent leader, pre-votes, votes.
extension RaftNode {
  mutating func tickFollower() {
    elapsed += 1
    guard mayLead else { return }
    if membersNow.voters == [id] && !membersNow.isJoint {
      // Not while a leader that is leaving still waits for its acknowledgement: nobody would tell it that it has left.
      if role == .follower, !hearsLeader { campaign() }
      return
    }
    if elapsed >= timeout {
      leader = nil
      return campaign()
    }
    guard role != .follower else { return }
    untilHeartbeat -= 1
    if untilHeartbeat <= 0 {
      untilHeartbeat = timing.heartbeatTicks
      askAgain()
    }
  }

  /// First asks without raising the term, so that a member that only believes the leader gone disturbs nobody (thesis §9.6).
  mutating func campaign() {
    guard mayLead, role != .leader else { return }
    becomePreCandidate()
    if membersNow.outcome(answers) == .won { return startElection(transfer: false) }
    askAgain()
  }

  mutating func startElection(transfer: Bool) {
    becomeCandidate(transfer: transfer)
    // To itself as to the others only once the term and its own vote are on disk: a candidate that forgot its term in a crash
    // could otherwise lead the same term twice.
    for voter in votersNow { askForVote(voter) }
  }

  private var votersNow: [MemberID] {
    membersNow.isJoint ? membersNow.members.filter(membersNow.isVoter) : membersNow.voters
  }

  /// Requests or their answers may be lost, and a pre-vote is refused as long as the voter still trusts the old leader.
  private mutating func askAgain() {
    for voter in votersNow where voter != id && answers[voter] != true {
      if role == .preCandidate {
        answers[voter] = nil
        send(.preVote(last: log.last), to: voter, term: term + 1)
      } else if answers[voter] == nil {
        askForVote(voter)
      }
    }
  }

  private mutating func askForVote(_ voter: MemberID) {
    if voter == id {
      send(.voteReply(granted: true), to: id, afterPersisting: true)
    } else {
      send(.vote(last: log.last, transfer: isTransferCampaign), to: voter, afterPersisting: true)
    }
  }

  mutating func onPreVote(from candidate: MemberID, for newTerm: UInt64, last: LogPosition) {
    guard newTerm > term, !hearsLeader, mayVote, last >= log.last || has(.votesForShorterLogs) else {
      return send(.preVoteReply(granted: false), to: candidate)
    }
    if wouldRatherLead(than: candidate, last: last) {
      send(.preVoteReply(granted: false), to: candidate)
      if role == .follower, now >= supportsUntil { campaign() }
      return
    }
    send(.preVoteReply(granted: true), to: candidate, term: newTerm)
    if priority(of: candidate) >= priority(of: id) { supportsUntil = now + patienceForBetter }
    // Two that ask at once would split the votes: the one that is not better stands back.
    if role == .preCandidate {
      becomeFollower(term: term, leader: nil)
      elapsed = timing.electionTicks / 2
    }
  }

  mutating func onPreVoteReply(from voter: MemberID, for newTerm: UInt64, granted: Bool) {
    guard role == .preCandidate, !granted || newTerm == term + 1 else { return }
    answers[voter] = granted
    // A lost pre-vote is asked again (see `askAgain`): nobody's term has changed, and voters' trust in the old leader runs out.
    if membersNow.outcome(answers) == .won { startElection(transfer: false) }
  }

  mutating func onVote(from candidate: MemberID, last: LogPosition, transfer: Bool) {
    let isFree: Bool = vote == candidate || (vote == nil && leader == nil) || has(.votesTwice)
    guard isFree, mayVote, last >= log.last || has(.votesForShorterLogs), role != .leader else {
      return send(.voteReply(granted: false), to: candidate, afterPersisting: true)
    }
    vote = candidate
    elapsed = 0
    send(.voteReply(granted: true), to: candidate, afterPersisting: true)
  }

  mutating func onVoteReply(from voter: MemberID, granted: Bool) {
    guard role == .candidate else { return }
    answers[voter] = granted
    switch deciding.outcome(answers) {
    case .won: becomeLeader()
    case .lost:
      becomeFollower(term: term, leader: nil)
      // The vote was split or the log too short: the winner, if there is one, is heard before half a timeout has passed.
      elapsed = timing.electionTicks / 2
      resetTimeout()
    case .open: break
    }
  }
}
