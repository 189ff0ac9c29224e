import Primitives

/// Who decides that a lost center's members vote no more, and how much must be left for it.
public enum ShrinkMode: String, Hashable, Sendable, CaseIterable {
  /// A person does (`tricenter store shrink`).
  case manual
  /// The leader does, as soon as the others then survive one fault more: commits stay in the city, a majority may stand in one building.
  case latency
  /// The leader does, but only where every majority of those who are left still spans two centers (and all of them two cities, if there
  /// were two): no single center's loss can lose an acknowledged write. Of the layout 2-2-1 it leaves the far city in every majority, so
  /// it does not shrink it; larger ones it does.
  case durable
}

/// When a center's members lose their votes because it is gone, and get them back. A value: the leader's shell tells it what it sees with
/// every few ticks, and proposes what it directs.
public struct ShrinkPolicy: Sendable {
  public struct Member: Hashable, Sendable {
    public var id: MemberID
    public var center: String
    public var city: String
    /// In the membership that is in force.
    public var votes: Bool
    /// It was heard within the time in which a member counts as there.
    public var isThere: Bool
    /// Its log is near the end of the leader's.
    public var isCaughtUp: Bool

    public init(id: MemberID, center: String, city: String, votes: Bool, isThere: Bool, isCaughtUp: Bool) {
      self.id = id
      self.center = center
      self.city = city
      self.votes = votes
      self.isThere = isThere
      self.isCaughtUp = isCaughtUp
    }
  }

  public enum Directive: Hashable, Sendable {
    case shrink(center: String)
    /// All of the center that have caught up, together.
    case regrow(center: String, members: [MemberID])
  }

  public let mode: ShrinkMode
  private let patience: Duration
  /// A center that came back in part waits so long for the rest.
  private let completion: Duration
  private var goneSince: [String: MonotonicTime] = [:]
  private var backSince: [String: MonotonicTime] = [:]

  public init(mode: ShrinkMode, patience: Duration, completion: Duration) {
    self.mode = mode
    self.patience = patience
    self.completion = completion
  }

  /// This member leads, or leads no more.
  public mutating func reset() {
    goneSince = [:]
    backSince = [:]
  }

  /// - Parameters:
  ///   - members: those that shall vote, whether they do now or not.
  ///   - shrunk: centers without votes that get them back by themselves.
  public mutating func tick(now: MonotonicTime, _ members: [Member], shrunk: [String]) -> Directive? {
    let centers: [String] = Array(Set(members.map(\.center))).sorted()
    goneSince = goneSince.filter { centers.contains($0.key) }
    backSince = backSince.filter { shrunk.contains($0.key) }
    for center in centers {
      let own: [Member] = members.filter { $0.center == center }
      if shrunk.contains(center) {
        if let directive: Directive = regrow(center, own, now) { return directive }
      } else if own.contains(where: { $0.isThere }) || center.isEmpty || !own.contains(where: { $0.votes }) {
        goneSince[center] = nil
      } else {
        let since: MonotonicTime = goneSince[center] ?? now
        goneSince[center] = since
        if mode != .manual, now - since >= patience, Self.objection(to: center, members, mode, mustGain: true) == nil {
          return .shrink(center: center)
        }
      }
    }
    return nil
  }

  private mutating func regrow(_ center: String, _ own: [Member], _ now: MonotonicTime) -> Directive? {
    let ready: [Member] = own.filter { $0.isThere && $0.isCaughtUp }
    guard !ready.isEmpty else {
      backSince[center] = nil
      return nil
    }
    let since: MonotonicTime = backSince[center] ?? now
    backSince[center] = since
    guard ready.count == own.count || now - since >= completion else { return nil }
    return .regrow(center: center, members: ready.map(\.id))
  }

  /// Why a center's votes must not be taken; nil: they may.
  /// - Parameter mustGain: the others must survive more faults than now.
  public static func objection(to center: String, _ members: [Member], _ mode: ShrinkMode, mustGain: Bool) -> String? {
    let voters: [Member] = members.filter(\.votes)
    let left: [Member] = voters.filter { $0.center != center }
    guard left.count < voters.count else { return "no member of \(center) votes" }
    guard !left.isEmpty else { return "nobody else votes" }
    func majority(_ count: Int) -> Int { count / 2 + 1 }
    let thereNow: Int = voters.filter(\.isThere).count
    let thereThen: Int = left.filter(\.isThere).count
    guard thereNow >= majority(voters.count) else {
      return "only \(thereNow) of \(voters.count) voters are there: no majority can decide it"
    }
    guard thereThen >= majority(left.count) else { return "only \(thereThen) of the \(left.count) that would be left are there" }
    let spareNow: Int = thereNow - majority(voters.count)
    let spareThen: Int = thereThen - majority(left.count)
    if mustGain, spareThen <= spareNow { return "the others would survive \(spareThen) faults then and \(spareNow) now" }
    guard mode == .durable else { return nil }
    for name in Set(left.map(\.center)).sorted() where left.filter({ $0.center == name }).count >= majority(left.count) {
      return "a majority of the \(left.count) that would be left stands in \(name) alone, which the policy durable does not allow"
    }
    let citiesNow: Int = Set(voters.map(\.city)).count
    let citiesThen: Int = Set(left.map(\.city)).count
    if citiesThen < min(2, citiesNow) { return "all that would be left stand in one city, which the policy durable does not allow" }
    return nil
  }
}
