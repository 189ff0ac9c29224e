import Primitives

/// Who votes and who only listens. With `outgoing` set it is the joint configuration C(old,new) of the Raft paper's §6: every
/// decision then needs a majority of `voters` *and* of `outgoing`. All lists are sorted.
public struct Membership: Hashable, Sendable {
  public private(set) var voters: [MemberID]
  /// The voters of the configuration that is being left; empty unless joint.
  public private(set) var outgoing: [MemberID]
  /// Receive the log without a vote. A member that is being demoted stands here and in `outgoing`, and votes until the end.
  public private(set) var learners: [MemberID]

  public init(voters: [MemberID], outgoing: [MemberID] = [], learners: [MemberID] = []) {
    self.voters = Array(Set(voters)).sorted()
    self.outgoing = Array(Set(outgoing)).sorted()
    let voting: Set<MemberID> = Set(voters)
    self.learners = Array(Set(learners).filter { !voting.contains($0) }).sorted()
  }

  public var isJoint: Bool { !outgoing.isEmpty }

  /// Everyone who is sent the log.
  public var members: [MemberID] {
    outgoing.isEmpty && learners.isEmpty ? voters : Array(Set(voters + outgoing + learners)).sorted()
  }

  public func isVoter(_ id: MemberID) -> Bool { voters.contains(id) || outgoing.contains(id) }
  public func isMember(_ id: MemberID) -> Bool { isVoter(id) || learners.contains(id) }

  /// The configuration after the joint one.
  var left: Membership { Membership(voters: voters, learners: learners) }
}

extension Membership: CustomStringConvertible {
  public var description: String {
    func list(_ ids: [MemberID]) -> String { "(" + ids.map(\.description).joined(separator: " ") + ")" }
    var text: String = "voters \(list(voters))"
    if isJoint { text += " leaving \(list(outgoing))" }
    if !learners.isEmpty { text += " learners \(list(learners))" }
    return text
  }
}

/// The roles that named members shall have afterwards; others keep theirs.
public struct MembershipChange: Hashable, Sendable {
  public enum Role: UInt8, Sendable, CaseIterable { case voter = 0, learner = 1, removed = 2 }
  public struct Step: Hashable, Sendable {
    public var member: MemberID
    public var role: Role
    public init(_ member: MemberID, _ role: Role) {
      self.member = member
      self.role = role
    }
  }
  public var steps: [Step]
  /// Whatever the shell wants to know when the change is committed; it stands in the same entry.
  public var attachment: Bytes
  public init(_ steps: [Step], attachment: Bytes = []) {
    self.steps = steps
    self.attachment = attachment
  }

  /// What must be appended next to get from `current` there: the joint configuration if the set of voters changes, the final
  /// one otherwise. Throws `.invalidConfiguration` when nobody would be left to vote, when there are too many, or when
  /// `current` is itself joint.
  func applied(to current: Membership) throws(ConsensusError) -> Membership {
    guard !current.isJoint else {
      throw ConsensusError(.invalidConfiguration, "a membership change is under way (\(current)): wait until it is finished")
    }
    var voters: [MemberID] = current.voters
    var learners: [MemberID] = current.learners
    for step in steps {
      guard step.member.value != 0 else {
        throw ConsensusError(.invalidConfiguration, "0 is not a member id: give the id that the member was started with")
      }
      voters.removeAll { $0 == step.member }
      learners.removeAll { $0 == step.member }
      switch step.role {
      case .voter: voters.append(step.member)
      case .learner: learners.append(step.member)
      case .removed: break
      }
    }
    guard !voters.isEmpty else {
      throw ConsensusError(.invalidConfiguration, "the change would leave no voter (now \(current)): keep or add one")
    }
    guard voters.count + learners.count <= ConsensusLimits.maxMembers else {
      throw ConsensusError(
        .invalidConfiguration, "\(voters.count + learners.count) members are more than \(ConsensusLimits.maxMembers): remove some first")
    }
    let next = Membership(voters: voters, learners: learners)
    if next.voters == current.voters { return next }
    return Membership(voters: next.voters, outgoing: current.voters, learners: next.learners)
  }
}
