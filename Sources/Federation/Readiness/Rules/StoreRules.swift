import KubeModel
import Primitives

extension ReadinessRule {
  /// The store keeps its majority after the step.
  static let quorum = ReadinessRule(name: "quorum", purpose: "a majority of the store's voters answers, also without what was lost") {
    facts, subject in
    guard let members: [JSONValue] = facts.storeMembers else {
      return [unknownStore("quorum", facts, subject)]
    }
    let voters: [JSONValue] = members.filter { $0["voter"].bool == true }
    let answering: [JSONValue] = voters.filter { member in
      let isLost: Bool = subject.isAfterLoss && member["center"].string == facts.active?.value
      return !isLost && (member["silentMilliseconds"].int ?? 0) < ReadinessLimits.silentMember.inNanoseconds / 1_000_000
    }
    let majority: Int = voters.count / 2 + 1
    guard answering.count <= majority else { return [] }
    let silent: [String] = voters.filter { voter in !answering.contains { $0["name"] == voter["name"] } }.compactMap { $0["name"].string }
    let isLost: Bool = answering.count < majority
    // Exactly a majority after a loss is what is left of 2-2-1: to be told, not to be held back.
    guard isLost || !silent.isEmpty else { return [] }
    return [
      Finding(
        rule: "quorum", weight: isLost ? .blocking : .warning, center: nil, object: "Cluster/\(facts.cluster)",
        measured: "\(answering.count) of \(voters.count) voters answer; silent: \(silent.joined(separator: ", "))",
        limit: isLost ? "a majority of \(majority)" : "more than the majority of \(majority), so that one more may be lost",
        cure: isLost
          ? "bring one of them back, or recover without them: tricenter store recover"
          : "bring one of them back, or take the lost center's votes: tricenter store shrink")
    ]
  }

  static let lag = ReadinessRule(name: "lag", purpose: "the center's store members are up to date") { facts, subject in
    guard let members: [JSONValue] = facts.storeMembers else { return [] }
    let own: [JSONValue] = members.filter { $0["center"].string == subject.center.value }
    return own.compactMap { member in
      let name: String = member["name"].string ?? ""
      let silent: Int64 = member["silentMilliseconds"].int ?? 0
      let (entries, behind): (Int64, Int64) = (member["lagEntries"].int ?? 0, member["lagMilliseconds"].int ?? 0)
      let (limitMilliseconds, limitEntries) = (ReadinessLimits.lag.inNanoseconds / 1_000_000, ReadinessLimits.lagEntries)
      let isSilent: Bool = silent >= ReadinessLimits.silentMember.inNanoseconds / 1_000_000
      guard isSilent || behind > limitMilliseconds || entries > limitEntries else { return nil }
      // One member of several may be away; nobody there means that nothing is there.
      let isAlone: Bool = own.count == 1
      return Finding(
        rule: "lag", weight: isSilent && !isAlone && !subject.needsFullStandby ? .warning : subject.calmWeight, center: subject.center,
        object: "Member/\(name)",
        measured: isSilent ? "not heard for \(silent) ms" : "\(entries) entries and \(behind) ms behind the leader",
        limit: isSilent
          ? "heard within \(ReadinessLimits.silentMember.inNanoseconds / 1_000_000) ms"
          : "\(limitEntries) entries and \(limitMilliseconds) ms",
        cure: isSilent
          ? "look at the store on \(name) and the link to it" : "wait until it has caught up: etcdctl endpoint status on \(name)")
    }
  }

  private static func unknownStore(_ rule: String, _ facts: ReadinessFacts, _ subject: Subject) -> Finding {
    Finding(
      rule: rule, weight: .warning, center: nil, object: "Cluster/\(facts.cluster)", measured: "no host tells of the store's members",
      limit: "a fresh Vantage of a host that runs tricenter center", cure: "kubectl get vantages")
  }
}
