import Consensus
import Keyspace
import Primitives
import SiteLink

/// Whether and how the survivors of a lost majority may go on: decided from what they say of themselves alone. A value.
public struct RecoveryPlan: Hashable, Sendable {
  /// Whose log goes on.
  public var successor: SurvivorReport
  /// The others of the surviving center that answered: they keep their logs and listen at first.
  public var followers: [SurvivorReport]
  public var epoch: UInt64
  /// Members of the surviving center that did not answer.
  public var missing: [String]
  /// Members elsewhere that answered, too.
  public var elsewhere: [SurvivorReport]
  public var clusterName: String

  /// - Parameters:
  ///   - center: the surviving one.
  ///   - reports: of every member that answered, wherever it is.
  /// - Throws: `StoreError` `.refused` with the reason, when it must not be.
  public init(center: CenterName, clusterName: String, reports: [SurvivorReport]) throws(StoreError) {
    let survivors: [SurvivorReport] = reports.filter { $0.record?.center == center.value }
    if let objection: String = Self.objections(center: center, reports: reports).first {
      throw StoreError(.refused, "\(objection) Nothing was changed.")
    }
    guard let best: LogSummary = LogSummary.successor(among: survivors.map(\.log)),
      let successor: SurvivorReport = survivors.first(where: { $0.memberID == best.member })
    else { throw StoreError(.refused, "No member of \(center) can go on. Nothing was changed.") }
    let newest: UInt64 = reports.reduce(0) { max($0, $1.epoch) }
    self.successor = successor
    followers = survivors.filter { $0.memberID != successor.memberID }
    epoch = newest + 1
    let answered: Set<MemberID> = Set(survivors.map(\.memberID))
    missing = successor.members.filter { $0.center == center.value && !answered.contains($0.id) }.map(\.name)
    elsewhere = reports.filter { $0.record?.center != center.value }
    self.clusterName = clusterName
  }

  /// Everything that stands against it, one sentence or two each; empty: nothing does.
  public static func objections(center: CenterName, reports: [SurvivorReport]) -> [String] {
    guard let cluster: UInt64 = reports.first?.clusterID else {
      return ["No member answered. Start those of \(center), they need no majority to answer this."]
    }
    guard reports.allSatisfy({ $0.clusterID == cluster }) else { return ["The members that answered belong to different clusters."] }
    let newest: UInt64 = reports.reduce(0) { max($0, $1.epoch) }
    let survivors: [SurvivorReport] = reports.filter { $0.record?.center == center.value }
    guard let best: LogSummary = LogSummary.successor(among: survivors.map(\.log)),
      let successor: SurvivorReport = survivors.first(where: { $0.memberID == best.member })
    else { return ["No member of \(center) answered, or none of them has what another knows to be committed."] }
    var found: [String] = []
    for report in reports {
      guard let leader: MemberID = report.leader else { continue }
      found.append(
        "\(report.name) follows the leader \(report.members.first { $0.id == leader }?.name ?? leader.description): a majority is there, and "
          + "nothing needs to be recovered.")
    }
    if let other = reports.first(where: { $0.epoch == successor.epoch && $0.isOfAnotherCluster(than: successor) }) {
      found.append(
        "\(successor.name) and \(other.name) are of two clusters that both call themselves epoch \(successor.epoch): survivors were recovered "
          + "twice. Decide which goes on, and stop the members of the other first: they hand in what they have when they come back.")
    }
    // One of an older epoch counts for nothing in the newest, and one of another cluster never.
    let reachable: [MemberID] = reports.filter { $0.epoch == newest && !$0.isOfAnotherCluster(than: successor) }.map(\.memberID)
    let there: Int = successor.voters.filter(reachable.contains).count
    if there >= successor.voters.count / 2 + 1 {
      found.append("\(there) of \(successor.voters.count) voters answer, which is a majority: wait for their election.")
    }
    let elsewhere: [SurvivorReport] = reports.filter { $0.record?.center != center.value }
    for longer in elsewhere where longer.epoch == newest && longer.log.last > successor.log.last {
      found.append(
        "\(longer.name) in \(longer.record?.center ?? "") answers, too, and has a longer log (\(longer.log.last.index) of term "
          + "\(longer.log.last.term) against \(successor.log.last.index) of \(successor.log.last.term)): recover there, or stop it first.")
    }
    return found
  }

  public var terms: [UInt64] { ([successor] + followers + elsewhere).map(\.log.currentTerm) }

  /// The members that are gone: they listen if they come back.
  public var learners: [MemberID] { successor.members.map(\.id).filter { $0 != successor.memberID } }
}

extension SurvivorReport {
  /// Both are of one epoch by its number, and not by the order that founded it.
  func isOfAnotherCluster(than other: SurvivorReport) -> Bool {
    EpochMeeting(
      caller: LinkEpoch(number: epoch, mark: epochMark), own: LinkEpoch(number: other.epoch, mark: other.epochMark)) == .strangers
  }

  public var name: String { record.map { $0.name.isEmpty ? $0.id.description : $0.name } ?? memberID.description }
}
