import Keyspace
import Primitives

/// What was decided when a majority was lost, and what may be lost with it: for those who must reconcile it afterwards, and for auditors.
public struct RecoveryCertificate: Hashable, Sendable {
  public struct Member: Hashable, Sendable {
    public enum Part: String, Hashable, Sendable {
      /// Its log goes on.
      case successor
      /// It keeps its log, and follows.
      case follower
      /// It answered, belongs to another center, and is left out.
      case leftOut = "left-out"
      /// It did not answer.
      case away
    }
    public var name: String
    public var center: String
    public var city: String
    public var part: Part
    /// Of its log; 0 where it did not answer.
    public var lastIndex: UInt64 = 0
    public var lastTerm: UInt64 = 0
    public var commit: UInt64 = 0
    public var lastRevision: Int64 = 0
  }

  public var cluster: String
  public var clusterID: UInt64
  public var center: String
  public var epoch: UInt64
  public var time: WallTime
  public var by: String
  /// Nothing was done: what would be.
  public var isDryRun: Bool
  public var members: [Member]
  /// Up to here a majority is known to have had everything, so both cities had it on disk.
  public var lastCitySafeRevision: Int64
  /// Where the log that goes on ends.
  public var lastRevision: Int64
  /// Writes between the two: kept as the survivors have them, and not known to have been acknowledged.
  public var uncertain: PrefixCounts
  /// Whatever was acknowledged with a revision from the first to the second may be lost. Nobody knows a majority to have the survivors'
  /// uncertain writes: a leader that they did not hear of may have acknowledged others at the same revisions (found by the simulation).
  /// Those behind `lastRevision` are never given out again.
  public var firstLostRevision: Int64
  public var lastLostRevision: Int64
  /// The end of the lost leader's log when it was last heard: what lies between `lastRevision` and its revision existed.
  public var horizon: SurvivorReport.Horizon?
  /// Every write that was acknowledged as `city-safe` is here: all members of the surviving city answered.
  public var isCitySafeComplete: Bool
  /// Members of the surviving city that did not answer: what they alone had is not here.
  public var missing: [String]

  public init(_ plan: RecoveryPlan, center: CenterName, time: WallTime, by: String, isDryRun: Bool, recovery: Recovery? = nil) {
    let successor: SurvivorReport = plan.successor
    cluster = plan.clusterName
    clusterID = successor.clusterID
    self.center = center.value
    epoch = plan.epoch
    self.time = time
    self.by = by
    self.isDryRun = isDryRun
    let answered: [SurvivorReport] = [successor] + plan.followers + plan.elsewhere
    members = successor.members.map { record in
      guard let report: SurvivorReport = answered.first(where: { $0.memberID == record.id }) else {
        return Member(name: record.name, center: record.center, city: record.city, part: .away)
      }
      let part: Member.Part =
        report.memberID == successor.memberID
        ? .successor : plan.followers.contains { $0.memberID == record.id } ? .follower : .leftOut
      return Member(
        name: record.name, center: record.center, city: record.city, part: part, lastIndex: report.log.last.index,
        lastTerm: report.log.last.term, commit: report.log.commit, lastRevision: report.lastRevision)
    }
    // What any survivor knows to be committed is, also if the successor has not heard of it; it never lies behind the successor's log.
    let known: Int64 = ([successor] + plan.followers).map(\.committedRevision).reduce(0, max)
    lastCitySafeRevision = min(known, successor.lastRevision)
    lastRevision = recovery?.lastRevision ?? successor.lastRevision
    uncertain = successor.tail
    firstLostRevision = lastCitySafeRevision + 1
    lastLostRevision = (recovery?.firstRevision ?? lastRevision + Recovery.revisionJump) - 1
    horizon = answered.compactMap(\.horizon).max { $0.revision < $1.revision }
    let city: String = successor.record?.city ?? ""
    let missing: [String] =
      city.isEmpty ? [] : members.filter { $0.city == city && ($0.part == .away || $0.part == .leftOut) }.map(\.name)
    self.missing = missing
    isCitySafeComplete = !city.isEmpty && missing.isEmpty
  }

  /// One JSON document.
  public var json: String {
    var text = JSONText()
    text.open()
    text.text("kind", isDryRun ? "RecoveryPlan" : "RecoveryCertificate")
    text.text("cluster", cluster)
    text.text("clusterID", String(clusterID, radix: 16))
    text.text("center", center)
    text.number("epoch", epoch)
    text.text("time", time.rfc3339Micro)
    text.text("by", by)
    text.number("lastCitySafeRevision", lastCitySafeRevision)
    text.number("lastRevision", lastRevision)
    text.open("mayBeLost")
    text.number("firstRevision", firstLostRevision)
    text.number("lastRevision", lastLostRevision)
    text.close()
    if let horizon {
      text.open("lostLeaderLastHeard")
      text.number("index", horizon.index)
      text.number("revision", horizon.revision)
      text.text("time", horizon.heard.rfc3339Micro)
      text.close()
    }
    text.flag("citySafeComplete", isCitySafeComplete)
    text.openList("missing")
    for name in missing { text.literal(nil, JSONText.quoted(name)) }
    text.closeList()
    text.open("uncertain")
    text.number("writes", uncertain.total)
    text.open("byPrefix")
    for (prefix, count) in uncertain.sorted { text.number(prefix, count) }
    text.close()
    text.close()
    text.openList("members")
    for member in members {
      text.open()
      text.text("name", member.name)
      text.text("center", member.center)
      text.text("city", member.city)
      text.text("part", member.part.rawValue)
      text.number("lastIndex", member.lastIndex)
      text.number("lastTerm", member.lastTerm)
      text.number("commitIndex", member.commit)
      text.number("lastRevision", member.lastRevision)
      text.close()
    }
    text.closeList()
    text.close()
    return text.text
  }

  /// For people.
  public var text: String {
    var lines: [String] = [
      "\(isDryRun ? "What a recovery would do (nothing was done)" : "Certificate of a recovery") of cluster \(cluster) in \(center)",
      "  epoch \(epoch), \(time.rfc3339), by \(by)", "",
      "  Everything up to revision \(lastCitySafeRevision) is kept; both cities are known to have had it.",
      "  The log goes on from revision \(lastRevision).",
    ]
    if uncertain.total > 0 {
      lines.append(
        "  \(uncertain.total) writes in between are kept and may never have been acknowledged; a leader that was not heard here may have "
          + "acknowledged others in their place:")
      for (prefix, count) in uncertain.sorted { lines.append("    \(count)  \(prefix)") }
    }
    lines.append(
      "  What was acknowledged with a revision from \(firstLostRevision) to \(lastLostRevision) may be lost; none behind \(lastRevision) is given out again."
    )
    if let horizon {
      lines.append(
        horizon.revision > lastRevision
          ? "  The lost leader was at revision \(horizon.revision) at \(horizon.heard.rfc3339): at least \(horizon.revision - lastRevision) are lost."
          : "  The lost leader was at revision \(horizon.revision) when it was last heard, at \(horizon.heard.rfc3339): nothing written before is lost."
      )
    }
    lines.append(
      isCitySafeComplete
        ? "  Every write that was acknowledged as city-safe is here: all members of the city answered."
        : "  Whether every city-safe write is here is not known: \(missing.isEmpty ? "members do not say in which city they are" : "\(missing.joined(separator: ", ")) did not answer")."
    )
    lines.append("")
    for member in members {
      let place: String =
        member.part == .away ? "" : ", log up to \(member.lastIndex) of term \(member.lastTerm), revision \(member.lastRevision)"
      lines.append("  \(member.name) (\(member.center)): \(member.part.rawValue)\(place)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
