import Histories
import Primitives

/// What a run without faults, but with disks that stood still, came to.
public struct SteadyReport: Sendable {
  public var seed: UInt64
  public var seconds: Double
  var stall: Duration
  var clients: Int
  let counts: SteadyClients.Counts
  let seen: SteadyLookout.Seen
  let stalls: StallConductor.Done
  let judge: ElectionJudge
  let zero: Moment
  /// Members that ended, disks that could not be stopped.
  public var problems: [String]

  var verdicts: [(election: ElectionJudge.Election, reason: ElectionJudge.Reason)] { seen.elections.map { ($0, judge.reason($0)) } }
  public var elections: Int { seen.elections.count }
  public var needless: Int { verdicts.count { !$0.reason.isNeeded } }
  public var stallCount: Int { stalls.spells.count }
  public var leaderStalls: Int { stalls.ofLeader }
  public var term: UInt64 { seen.term }
  public var writesPerSecond: Double { seconds > 0 ? Double(counts.writes) / seconds : 0 }
  public var p50Milliseconds: Double { counts.writeLatency.quantile(0.5) }
  public var p99Milliseconds: Double { counts.writeLatency.quantile(0.99) }
  public var longestSilenceMilliseconds: Double { seen.longestSilence.max() ?? 0 }
  public var longestPauseMilliseconds: Double { seen.longestPause.max() ?? 0 }
  public var longestStallMilliseconds: Int { stalls.spells.map(\.milliseconds).max() ?? 0 }
  public var writes: Int { counts.writes }
  public var failures: Int { counts.failures }
  public var isClean: Bool { needless == 0 && problems.isEmpty && stallCount > 0 }

  private static func name(_ member: Int?) -> String { member.map { TortureLayout.members[$0].name } ?? "nobody" }

  static func sentence(_ reason: ElectionJudge.Reason) -> String {
    switch reason {
    case .died: "needed: the leader died"
    case .diskStalled(let milliseconds): "needed: the leader's disk stood still for \(milliseconds) ms, longer than a leader may need"
    case .starved(.member(let member), let milliseconds):
      "needed: \(name(member)) got no processor for \(milliseconds) ms"
    case .starved(.wideArea, let milliseconds): "needed: the wide-area element got no processor for \(milliseconds) ms"
    case .handedBack: "planned: handed back to who is placed better"
    case .needless: "NEEDLESS"
    }
  }

  /// One line per election, in order.
  public var electionLines: [String] {
    verdicts.map { election, reason in
      "\(TortureReport.minutes(election.at - zero)) term \(election.term), \(Self.name(election.from)) → \(Self.name(election.to)): \(Self.sentence(reason))"
    }
  }

  private func milliseconds(_ value: Double) -> String { value < 10 ? "\((value * 10).rounded() / 10)" : "\(Int(value))" }

  public var text: String {
    let starved: [Int] = judge.starvation.map(\.milliseconds)
    let durations: [Int] = stalls.spells.map(\.milliseconds).sorted()
    var lines: [String] = [
      "",
      "seed \(seed), \(TortureReport.minutes(Moment(seconds * 1e9))) minutes, five members 2-2-1, links of 2 and 30 ms round trip, \(clients) clients without pauses",
      "stalls: \(stallCount) of the members' disks (ext4 on loop devices, FIFREEZE), asked for \(stall), median \(durations.isEmpty ? 0 : durations[durations.count / 2]) ms, longest \(longestStallMilliseconds) ms; \(leaderStalls) were the leader's",
      "writes: \(counts.writes), \(Int(writesPerSecond))/s, p50 \(milliseconds(p50Milliseconds)) ms, p99 \(milliseconds(p99Milliseconds)) ms, longest time without one \(counts.longestGap / 1_000_000) ms; \(counts.reads) linearizable reads; \(counts.failures) calls failed",
      "longest time without a word of the leader \(milliseconds(longestSilenceMilliseconds)) ms, between two ticks \(milliseconds(longestPauseMilliseconds)) ms (25 is ideal)",
      "processes that wanted a processor and got none for 100 ms or more: \(starved.count) times, longest \(starved.max() ?? 0) ms",
      "elections: \(elections), of which needless \(needless); term \(term)",
    ]
    lines += electionLines.map { "  \($0)" }
    lines += problems.map { "PROBLEM  \($0)" }
    lines.append(
      isClean ? "clean: no election that was not needed" : "NOT clean: \(needless) needless elections, \(problems.count) problems")
    return lines.joined(separator: "\n")
  }
}
