import Primitives

/// At most one leader per term; not even the same member twice, if it died in between.
struct ElectionChecker {
  private struct Reign {
    var member: Int
    var life: Int
  }
  private var reigns: [UInt64: Reign] = [:]

  func leader(of term: UInt64) -> Int? { reigns[term]?.member }

  /// A new cluster begins in the term after this one; what the old one did since is no concern of it.
  mutating func forget(after term: UInt64) { reigns = reigns.filter { $0.key <= term } }

  mutating func onLeader(_ member: Int, life: Int, term: UInt64) -> String? {
    if let other = reigns[term], other.member != member || other.life != life {
      return other.member == member
        ? "\(Layout.names[member]) leads term \(term) again after it crashed: it forgot its vote"
        : "\(Layout.names[member]) and \(Layout.names[other.member]) both lead term \(term)"
    }
    reigns[term] = Reign(member: member, life: life)
    return nil
  }
}
