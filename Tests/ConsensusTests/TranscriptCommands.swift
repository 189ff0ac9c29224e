import Primitives

@testable import Consensus

struct UnknownCommand: Error, CustomStringConvertible {
  var description: String
}

/// What the transcripts can say:
///
///     members 1 2 3 [learners=4,5] [priorities=1:2,2:1]     a new world; short timeouts (heartbeat 1, election 10 ticks)
///     join 4                                                one more member that knows nobody
///     tick 1 [n] / tick all [n]        time passes, and everything is delivered after each tick
///     campaign 1                       its timeout runs out now
///     gone 1 2                         member 1 is told that the process of its leader 2 has ended
///     settle                           deliver everything until all is quiet
///     talk / quiet                     tell every message, or only what comes of them
///     one-entry-per-message            starts all members anew so
///     start-campaign 1                 as campaign, without delivering anything
///     hold / deliver from to [twice]   take outputs without delivering / deliver what lies on one way
///     lose from to / lose-all-from 1   what lies on that way is lost
///     lose-snapshots                   until `heal`
///     late-snapshots                   those lost before arrive after all
///     cut a b / cut a>b / isolate a / heal
///     stick 1 / sync 1                 the disk hangs / writes what hung and works again
///     crash 1 / restart 1              what was not synced is gone
///     propose 1 text [text…]  read 1 context  transfer 1 2  resign 1
///     abdicate 1 / aside 1 / ready 1   gives way to one that is well / does not let itself be made leader / does again
///     change 1 voter:4 learner:5 removed:2
///     snapshot 1 index [keeping=n]     the state machine was snapshotted: forget entries up to there
///     recover 4 5                      who is left of a lost majority: the best log of these goes on alone, the others listen to it
///     status / log 1
extension TranscriptCluster {
  mutating func run(_ line: String) throws -> String {
    lines = []
    var words: [String] = line.split(separator: " ").map(String.init)
    let command: String = words.removeFirst()
    func number(_ place: Int) throws -> UInt64 {
      guard place < words.count, let value = UInt64(words[place]) else { throw UnknownCommand(description: "\(line): a number is missing") }
      return value
    }
    func option(_ name: String) -> String? {
      words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
    switch command {
    case "members": try create(words.compactMap { UInt64($0) }, option("learners"), option("priorities"))
    case "join": try join(try number(0))
    case "tick":
      let who: [UInt64] = words[0] == "all" ? ids : [try number(0)]
      for _ in 0..<(words.count > 1 ? try number(1) : 1) {
        for id in who where members[id]?.isUp == true { members[id]?.node.tick() }
        settle()
      }
    case "campaign":
      members[try number(0)]?.node.leader = nil
      members[try number(0)]?.node.campaign()
      settle()
    case "start-campaign":
      members[try number(0)]?.node.leader = nil
      members[try number(0)]?.node.campaign()
      takeAll()
    case "gone": members[try number(0)]?.node.leaderGone(MemberID(try number(1)))
    case "settle": settle()
    case "talk": isTalkative = true
    case "quiet": isTalkative = false
    case "hold": takeAll()
    case "deliver": try deliver(from: number(0), to: number(1), twice: words.last == "twice")
    case "lose":
      let (from, to) = (MemberID(try number(0)), MemberID(try number(1)))
      wire.removeAll { $0.from == from && $0.to == to }
    case "lose-all-from":
      let from = MemberID(try number(0))
      wire.removeAll { $0.from == from }
    case "lose-snapshots": losesSnapshots = true
    case "late-snapshots":
      wire += lostSnapshots
      lostSnapshots = []
    case "one-entry-per-message":
      for id in ids { configurations[id]?.maxEntryBytesPerMessage = 1 }
      for id in ids { try start(id, disk: Disk()) }
    case "cut", "isolate", "heal": try cut(command, words)
    case "stick": members[try number(0)]?.isDiskStuck = true
    case "sync":
      members[try number(0)]?.isDiskStuck = false
      sync(try number(0))
      settle()
    case "crash":
      members[try number(0)]?.isUp = false
      wire.removeAll { $0.from.value == (UInt64(words[0]) ?? 0) }
    case "restart": if let disk = members[try number(0)]?.disk { try start(try number(0), disk: disk) }
    case "propose", "read", "transfer", "resign", "abdicate", "aside", "ready", "change", "snapshot":
      try act(command, id: number(0), Array(words.dropFirst()), option("keeping"))
    case "recover": try recover(words.compactMap { UInt64($0) })
    case "status": for id in ids { say(statusLine(id)) }
    case "log": if let node = members[try number(0)]?.node { say(node.log.entries.map { wording($0) }.joined(separator: ", ")) }
    default: throw UnknownCommand(description: "\(line): no such command")
    }
    return lines.joined(separator: "\n")
  }

  private mutating func recover(_ survivors: [UInt64]) throws {
    let summaries: [LogSummary] = survivors.compactMap { members[$0]?.node.logSummary }
    guard let chosen: LogSummary = LogSummary.successor(among: summaries), let own: Member = members[chosen.member.value] else {
      return say("nobody can go on")
    }
    for summary in summaries where summary.member != chosen.member {
      say("\(summary.member) agrees up to \(summary.agreement(with: chosen)) of \(summary.last.index)")
    }
    let refounding = Refounding(
      of: chosen.member, last: chosen.last, above: summaries.map(\.currentTerm), learners: own.node.membership.members)
    say("\(chosen.member) goes on from \(chosen.last.index)@\(chosen.last.term) in term \(refounding.entry.term)")
    var disk: Disk = own.disk
    disk.entries.append(refounding.entry)
    disk.hardState = refounding.hardState
    try start(chosen.member.value, disk: disk)
  }

  private mutating func create(_ voters: [UInt64], _ learners: String?, _ priorities: String?) throws {
    self = TranscriptCluster()
    let learning: [UInt64] = (learners ?? "").split(separator: ",").compactMap { UInt64($0) }
    var ranks: [MemberID: Int] = [:]
    for pair in (priorities ?? "").split(separator: ",") {
      let parts: [UInt64] = pair.split(separator: ":").compactMap { UInt64($0) }
      ranks[MemberID(parts[0])] = Int(parts[1])
    }
    for id in voters + learning { configure(id, voters: voters, learners: learning, priorities: ranks) }
    for id in voters + learning { try start(id, disk: Disk()) }
  }

  private mutating func configure(_ id: UInt64, voters: [UInt64], learners: [UInt64], priorities: [MemberID: Int]) {
    var configuration = RaftConfiguration(
      id: MemberID(id), voters: voters.map { MemberID($0) }, learners: learners.map { MemberID($0) }, priorities: priorities, seed: 7)
    configuration.timing.heartbeatTicks = 1
    configuration.timing.electionTicks = 10
    configuration.timing.electionMarginTicks = 2
    configuration.timing.electionJitterTicks = 5
    configuration.timing.handoverTicks = 20
    configuration.timing.snapshotTicks = 50
    configurations[id] = configuration
  }

  private mutating func join(_ id: UInt64) throws {
    configure(id, voters: [], learners: [], priorities: configurations.values.first?.priorities ?? [:])
    try start(id, disk: Disk())
  }

  private mutating func deliver(from: UInt64, to: UInt64, twice: Bool) {
    let due: [RaftMessage] = wire.filter { $0.from.value == from && $0.to.value == to }
    wire.removeAll { $0.from.value == from && $0.to.value == to }
    for message in due {
      deliver(message)
      if twice { deliver(message) }
    }
    takeAll()
  }

  private mutating func cut(_ command: String, _ words: [String]) throws {
    switch command {
    case "heal":
      cuts = []
      losesSnapshots = false
    case "isolate":
      guard let id = UInt64(words[0]) else { throw UnknownCommand(description: "isolate whom?") }
      for other in ids where other != id { cuts.formUnion([[id, other], [other, id]]) }
    default:
      let oneWay: [UInt64] = words[0].split(separator: ">").compactMap { UInt64($0) }
      if oneWay.count == 2 {
        cuts.insert(oneWay)
      } else if let a = UInt64(words[0]), words.count > 1, let b = UInt64(words[1]) {
        cuts.formUnion([[a, b], [b, a]])
      }
    }
  }

  private mutating func act(_ command: String, id: UInt64, _ words: [String], _ keeping: String?) throws {
    guard let member = members[id], member.isUp else { throw UnknownCommand(description: "\(id) is not up") }
    switch command {
    case "propose":
      let result: ProposalResult? = members[id]?.node.propose(words.map { Bytes($0) }, context: 1)
      if case .dropped(let reason)? = result { say("dropped: \(reason)") }
    case "read": members[id]?.node.readIndex(UInt64(words[0]) ?? 0)
    case "transfer": members[id]?.node.transferLeadership(to: MemberID(UInt64(words[0]) ?? 0))
    case "resign": members[id]?.node.resignLeadership()
    case "abdicate": if members[id]?.node.abdicate() == false { say("nobody is well enough") }
    case "aside": members[id]?.node.setStandsAside(true)
    case "ready": members[id]?.node.setStandsAside(false)
    case "change":
      let roles: [String: MembershipChange.Role] = ["voter": .voter, "learner": .learner, "removed": .removed]
      let steps: [MembershipChange.Step] = words.compactMap { word in
        let parts: [String] = word.split(separator: ":").map(String.init)
        guard parts.count == 2, let role = roles[parts[0]], let member = UInt64(parts[1]) else { return nil }
        return MembershipChange.Step(MemberID(member), role)
      }
      let result: ProposalResult? = members[id]?.node.proposeConfiguration(MembershipChange(steps), context: 1)
      if case .dropped(let reason)? = result { say("dropped: \(reason)") }
    default:
      guard let metadata = member.node.snapshotMetadata(at: UInt64(words[0]) ?? 0) else { return say("no snapshot possible there") }
      members[id]?.node.snapshotTaken(metadata, keeping: UInt64(keeping ?? "0") ?? 0)
      members[id]?.disk.snapshot = metadata
      members[id]?.disk.entries.removeAll { $0.index <= metadata.index }
    }
  }

  private func statusLine(_ id: UInt64) -> String {
    guard let member = members[id], member.isUp else { return "\(id): down" }
    let status: RaftStatus = member.node.status
    var text: String = "\(id): \(status.role.rawValue) term \(status.term)"
    if let leader = status.leader, leader != status.id { text += " leader \(leader)" }
    text += " log \(status.firstIndex)…\(status.lastIndex)@\(status.lastTerm) commit \(status.commit) \(status.membership)"
    for peer in status.peers {
      text += "\n   \(peer.id): \(peer.replication.rawValue) match \(peer.match) next \(peer.next)"
      if peer.inflightMessages > 0 { text += " inflight \(peer.inflightMessages)" }
    }
    return text
  }
}
