import Primitives

/// Majorities. In a joint configuration both must agree (Raft paper §6).
extension Membership {
  /// The highest value that a majority has reached. With nobody to vote: 0.
  func quorumValue(_ value: (MemberID) -> UInt64) -> UInt64 {
    let incoming: UInt64 = Self.majorityValue(of: voters, value)
    return outgoing.isEmpty ? incoming : min(incoming, Self.majorityValue(of: outgoing, value))
  }

  private static func majorityValue(of voters: [MemberID], _ value: (MemberID) -> UInt64) -> UInt64 {
    guard !voters.isEmpty else { return 0 }
    var values: [UInt64] = []
    values.reserveCapacity(voters.count)
    for voter in voters { values.append(value(voter)) }
    values.sort(by: >)
    return values[voters.count / 2]
  }

  enum VoteOutcome { case won, lost, open }

  /// `answers`: who answered, and how.
  func outcome(_ answers: [MemberID: Bool]) -> VoteOutcome {
    let incoming: VoteOutcome = Self.outcome(of: voters, answers)
    guard isJoint else { return incoming }
    let leaving: VoteOutcome = Self.outcome(of: outgoing, answers)
    if incoming == .lost || leaving == .lost { return .lost }
    return incoming == .won && leaving == .won ? .won : .open
  }

  private static func outcome(of voters: [MemberID], _ answers: [MemberID: Bool]) -> VoteOutcome {
    guard !voters.isEmpty else { return .lost }
    let needed: Int = voters.count / 2 + 1
    var granted: Int = 0
    var refused: Int = 0
    for voter in voters {
      if let answer = answers[voter] {
        if answer { granted += 1 } else { refused += 1 }
      }
    }
    if granted >= needed { return .won }
    return voters.count - refused < needed ? .lost : .open
  }
}
