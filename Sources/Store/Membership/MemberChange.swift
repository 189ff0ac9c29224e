import Keyspace
import Primitives

/// A change of the members, as it is asked of the leader.
public enum MemberChange: Hashable, Sendable {
  /// The id is chosen by the leader.
  case add(NewMember)
  case remove(MemberID)
  case update(MemberID, peerURLs: [String])
  case promote(MemberID)
  case setDurability(DurabilityRules)
  /// Takes the votes of a center's members, so that the others commit without it. `since` is the leader's word.
  case shrink(Shrink)
  case regrow(center: String)
}

/// A member to be. Where only addresses are given, it says the rest itself when it starts.
public struct NewMember: Hashable, Sendable {
  /// `https://host:port`, where its peers reach it.
  public var peerURLs: [String]
  /// Listens, and votes only after it was promoted.
  public var isLearner: Bool
  /// Name, center and city, where they are known: then only a certificate of that host passes for it from the beginning.
  public var name: String
  public var center: String
  public var city: String
  public var priority: Int

  public init(peerURLs: [String], isLearner: Bool = false, name: String = "", center: String = "", city: String = "", priority: Int = 0) {
    self.peerURLs = peerURLs
    self.isLearner = isLearner
    self.name = name
    self.center = center
    self.city = city
    self.priority = priority
  }

  func record(_ id: MemberID) -> MemberRecord {
    MemberRecord(
      id: id, name: name, center: center, city: city, role: isLearner ? .learner : .voter, priority: priority, peerURLs: peerURLs)
  }
}

/// On the wire a change is the command that it becomes; a new member's id is still open then and written as all ones.
extension MemberChange {
  static let openID = MemberID(.max)

  var command: KeyspaceCommand {
    switch self {
    case .add(let new): .cluster(.add(new.record(Self.openID)))
    case .remove(let id): .cluster(.remove(id))
    case .update(let id, let urls): .cluster(.setPeerURLs(id, urls))
    case .promote(let id): .cluster(.promote(id))
    case .setDurability(let rules): .cluster(.setDurability(rules))
    case .shrink(let shrink): .cluster(.shrink(shrink))
    case .regrow(let center): .cluster(.regrow(center: center))
    }
  }

  /// nil: a command that nobody may ask for.
  init?(_ command: KeyspaceCommand) {
    guard case .cluster(let change) = command else { return nil }
    switch change {
    case .add(let record):
      self = .add(
        NewMember(
          peerURLs: record.peerURLs, isLearner: record.role == .learner, name: record.name, center: record.center, city: record.city,
          priority: record.priority))
    case .remove(let id): self = .remove(id)
    case .setPeerURLs(let id, let urls): self = .update(id, peerURLs: urls)
    case .promote(let id): self = .promote(id)
    case .setDurability(let rules): self = .setDurability(rules)
    case .shrink(let shrink): self = .shrink(shrink)
    case .regrow(let center): self = .regrow(center: center)
    case .adopt, .publish, .degrade, .restore, .recover: return nil
    }
  }
}
