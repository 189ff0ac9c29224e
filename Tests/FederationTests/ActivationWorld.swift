import Primitives

@testable import Federation

/// Five hosts in three centers around one linearizable record, under cuts, pauses, slow answers, elections of the store and clocks that
/// run up to 5 % fast or slow. The checker looks from outside, with true time.
struct ActivationWorld {
  private struct Host {
    var instance: ActivationInstance
    var rate: Double
    var cutUntil: Int64 = 0
    var pausedUntil: Int64 = 0
    /// The epoch for which this host said that it stopped, as far as the store has it.
    var stoppedEpoch: Int64 = 0
    var nextStopReport: Int64 = 0
    /// Placements of which this host said that it stopped, as far as the store has it.
    var stoppedPlacements: Set<UInt64> = []
    /// When it hears of the planned move that people ask for.
    var hearsPlanAt: Int64 = .max
    var pacer = ReadPacer(.init())
    /// The newest version that its watch has told of.
    var watched: Int = 0
    /// When the first read answered that began after the last election.
    var firstReadAfterElection: Int64?
    /// It was reading when the election ended: whoever sees no need reads once a second, election or not.
    var mustBePrompt: Bool = false
    var sawElectionEnd: Bool = true
    /// Answers on their way: when they arrive, and what they bring.
    var answers: [(due: Int64, apply: Answer)] = []
  }
  private enum Answer {
    case read(Int, ActivationRecord?, began: MonotonicTime)
    /// A read that was cancelled: no answer came in time.
    case gaveUp(Int)
    case written(ActivationRecord?, began: MonotonicTime)
    case stopped(epoch: Int64)
    case stoppedPlacements(Set<UInt64>)
    case watched(ActivationRecord)
  }

  private var hosts: [Host]
  private var stored: ActivationRecord?
  /// Writes that are not committed yet.
  private var onTheWay: [(due: Int64, host: Int, record: ActivationRecord, purpose: ActivationInstance.Purpose, began: MonotonicTime)] = []
  private var version: Int = 0
  private var random: SeededRandom
  private(set) var violations: [String] = []
  private(set) var everActive: Bool = false
  private(set) var transitions: Int = 0
  /// The store changes its leader: what is asked until then is never answered.
  private var electionUntil: Int64 = 0
  private(set) var slowestFirstRead: Int64 = 0
  private(set) var elections: Int = 0
  private let troubles: Troubles
  /// A move that people ask for, until the activation is another one.
  private var plan: (to: CenterName, epoch: Int64, asked: Int64)?
  private(set) var yields: Int = 0
  private(set) var releases: Int = 0
  private(set) var withdrawals: Int = 0
  private(set) var slowestMove: Int64 = 0
  private(set) var deletions: Int = 0
  private(set) var lastActiveAt: Int64 = 0
  /// The newest epoch ever written, as the Cluster object has it.
  private var newestEpoch: Int64 = 0
  /// One deletion at this time, without any other.
  var deleteAt: Int64?
  /// Centers whose hosts stop for good then.
  var deadFrom: [CenterName: Int64] = [:]
  var active: ActivationRecord? { stored }
  /// A planted bug: releases without having asked anybody.
  var isHasty: Bool = false
  /// A planted bug: the active center's hosts go by the newest version alone, the others by the one that it renews as well.
  var forgetsRenewals: Bool = false
  /// A namespace that people ask to be moved, until it is there or the activation is another one.
  private var evacuation: (to: CenterName, epoch: Int64)?
  private(set) var namespaceYields: Int = 0
  private(set) var namespaceMoves: Int = 0
  /// Milliseconds in which somebody could run the namespace's pods, while the cluster was active.
  private(set) var namespaceServed: Int64 = 0
  static let namespace = "payments"

  struct Troubles: OptionSet {
    let rawValue: Int
    static let cutsAndPauses = Troubles(rawValue: 1)
    static let slowAnswers = Troubles(rawValue: 2)
    static let elections = Troubles(rawValue: 4)
    /// No trouble, but moves that people ask for.
    static let moves = Troubles(rawValue: 8)
    /// The record is deleted under everybody's feet.
    static let deletions = Troubles(rawValue: 16)
    /// People move a namespace to and fro.
    static let evacuations = Troubles(rawValue: 32)
    static let all: Troubles = [.cutsAndPauses, .slowAnswers, .elections, .moves]
  }

  /// The lab's own (sites/lab/site.yaml), and the default of site files.
  struct Policy: Sendable {
    var lease: Duration
    var renewEvery: Duration
    var margin: Duration
    static let lab = Policy(lease: .seconds(2), renewEvery: .milliseconds(200), margin: .milliseconds(400))
    static let usual = Policy(lease: .seconds(3), renewEvery: .milliseconds(250), margin: .milliseconds(500))
  }
  private let policy: Policy
  private let electionLengths: ClosedRange<Int64>
  /// How often nobody was active any more: exclusive pods were killed for it.
  private(set) var gaps: Int = 0
  private var wasActive: Bool = false

  init(
    seed: UInt64, rates: ClosedRange<Double> = 0.95...1.05, troubles: Troubles = .all, policy: Policy = .usual,
    elections: ClosedRange<Int64> = 200...1_500
  ) {
    self.troubles = troubles
    self.policy = policy
    electionLengths = elections
    random = SeededRandom(seed: seed)
    let centers: [CenterName] = ["production", "production", "local-dr", "local-dr", "remote-dr"]
    var generator: SeededRandom = SeededRandom(seed: seed ^ 0xABCD)
    hosts = centers.enumerated().map { index, center in
      let configuration = ActivationInstance.Configuration(
        cluster: "bank", center: center, order: ["production", "local-dr", "remote-dr"], automaticTo: ["production", "local-dr"],
        lease: policy.lease, renewEvery: policy.renewEvery, margin: policy.margin, hostIndex: index % 2)
      return Host(instance: ActivationInstance(configuration), rate: Double.random(in: rates, using: &generator))
    }
  }

  /// The host's own clock.
  private func local(_ host: Int, _ now: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(Double(now) * hosts[host].rate * 1e6) + Int64(host) * 1_000_000_000_000)
  }

  mutating func run(milliseconds: Int64) {
    for now in stride(from: Int64(0), to: milliseconds, by: 10) {
      disturb(now)
      commitLate(now)
      for host in hosts.indices where hosts[host].pausedUntil <= now {
        if let dead: Int64 = deadFrom[hosts[host].instance.configuration.center], now >= dead { continue }
        step(host, now)
      }
      check(now)
    }
  }

  private mutating func disturb(_ now: Int64) {
    if troubles.contains(.elections), now > electionUntil + 1_000, Int.random(in: 0..<300, using: &random) == 0 {
      electionUntil = now + Int64.random(in: electionLengths, using: &random)
      elections += 1
      for host in hosts.indices {
        hosts[host].firstReadAfterElection = nil
        hosts[host].mustBePrompt = false
        hosts[host].sawElectionEnd = false
      }
    }
    if let planned = plan, stored?.epoch != planned.epoch { plan = nil }
    if troubles.contains(.moves), plan == nil, let active = stored, Int.random(in: 0..<300, using: &random) == 0 {
      let targets: [CenterName] = ["production", "local-dr", "remote-dr"].filter { $0 != active.center }
      plan = (targets[Int.random(in: 0..<2, using: &random)], active.epoch, now)
      for host in hosts.indices { hosts[host].hearsPlanAt = now + Int64.random(in: 10...80, using: &random) }
    }
    if troubles.contains(.evacuations) { askForNamespace(now) }
    if stored != nil, now == deleteAt || troubles.contains(.deletions) && Int.random(in: 0..<800, using: &random) == 0 {
      version += 1
      stored = nil
      deletions += 1
    }
    guard troubles.contains(.cutsAndPauses) else { return }
    guard Int.random(in: 0..<400, using: &random) == 0 else { return }
    let length = Int64.random(in: 100...9_000, using: &random)
    let center: CenterName = hosts[Int.random(in: 0..<5, using: &random)].instance.configuration.center
    let whole: Bool = Bool.random(using: &random)
    let pause: Bool = Bool.random(using: &random)
    for host in hosts.indices where hosts[host].instance.configuration.center == center && (whole || Bool.random(using: &random)) {
      if pause { hosts[host].pausedUntil = now + length } else { hosts[host].cutUntil = now + length }
    }
  }

  private mutating func askForNamespace(_ now: Int64) {
    guard let record = stored else { return }
    let home: CenterName = record.placement(of: Self.namespace)?.center ?? record.center
    if let asked = evacuation, asked.epoch != record.epoch || home == asked.to { evacuation = nil }
    guard evacuation == nil, Int.random(in: 0..<200, using: &random) == 0 else { return }
    let targets: [CenterName] = ["production", "local-dr", "remote-dr"].filter { $0 != home }
    evacuation = (targets[Int.random(in: 0..<2, using: &random)], record.epoch)
  }

  private mutating func step(_ host: Int, _ now: Int64) {
    let time: MonotonicTime = local(host, now)
    if now >= electionUntil, !hosts[host].sawElectionEnd {
      hosts[host].sawElectionEnd = true
      hosts[host].mustBePrompt = hosts[host].pacer.mood == .active || !hosts[host].pacer.onTheWay.isEmpty
    }
    let due: [Answer] = hosts[host].answers.filter { $0.due <= now }.map(\.apply)
    hosts[host].answers.removeAll { $0.due <= now }
    for answer in due {
      switch answer {
      case .gaveUp(let number): hosts[host].pacer.onEnd(number)
      case .read(let number, let record, let began):
        hosts[host].pacer.onEnd(number)
        hosts[host].instance.onRead(record.map { seen($0, host) }, began: began, finished: time)
        pace(host)
        if now >= electionUntil, hosts[host].mustBePrompt, hosts[host].firstReadAfterElection == nil {
          hosts[host].firstReadAfterElection = now
          slowestFirstRead = max(slowestFirstRead, now - electionUntil)
        }
      case .written(let record, let began): hosts[host].instance.onWritten(record.map { seen($0, host) }, began: began, finished: time)
      case .watched(let record):
        hosts[host].instance.onWatched(seen(record, host), at: time)
        pace(host)
      case .stoppedPlacements(let tokens): hosts[host].stoppedPlacements = tokens
      case .stopped(let epoch): hosts[host].stoppedEpoch = max(hosts[host].stoppedEpoch, epoch)
      }
    }
    let reachable: Bool = hosts[host].cutUntil <= now && electionUntil <= now
    // A watch tells of committed versions, in order, some of them left out, while the host is reached; an election does not stop it.
    if hosts[host].cutUntil <= now, let record = stored, hosts[host].watched < version {
      hosts[host].watched = version
      hosts[host].answers.append((now + latency(), .watched(record)))
    }
    if let number: Int = hosts[host].pacer.onTime(time) {
      let due: Int64 = now + latency()
      let timeout: Int64 = now + 1_000
      if reachable, due <= timeout {
        hosts[host].answers.append((due, .read(number, stored, began: time)))
      } else {
        hosts[host].answers.append((timeout, .gaveUp(number)))
      }
    }
    reportStopped(host, now, reachable: reachable)
    for directive in hosts[host].instance.onTick(time, surroundings(host, now, reachable: reachable), obstacles: []) {
      guard case .write(let record, let purpose) = directive else { continue }
      if reachable, troubles.contains(.slowAnswers), Int.random(in: 0..<20, using: &random) == 0 {
        // It waits for its majority, while reads still see the version below.
        onTheWay.append((now + Int64.random(in: 100...1_500, using: &random), host, record, purpose, time))
      } else {
        commit(record, purpose, of: host, began: time, now, reachable: reachable)
      }
    }
  }

  private func seen(_ record: ActivationRecord, _ host: Int) -> ActivationRecord {
    var record: ActivationRecord = record
    if forgetsRenewals, record.center == hosts[host].instance.configuration.center { record.renewal = nil }
    return record
  }

  private mutating func commit(
    _ record: ActivationRecord, _ purpose: ActivationInstance.Purpose, of host: Int, began: MonotonicTime, _ now: Int64, reachable: Bool
  ) {
    var answer: ActivationRecord?
    if reachable, record.resourceVersion == stored?.resourceVersion ?? "" {
      version += 1
      var written: ActivationRecord = record
      written.resourceVersion = String(version)
      stored = written
      answer = written
      count(purpose, written, now)
      // The answer may be lost although the write happened.
      if Int.random(in: 0..<10, using: &random) == 0 { answer = nil }
    }
    hosts[host].answers.append((now + latency(), .written(answer, began: began)))
  }

  private mutating func commitLate(_ now: Int64) {
    let due = onTheWay.filter { $0.due <= now }
    onTheWay.removeAll { $0.due <= now }
    for write in due { commit(write.record, write.purpose, of: write.host, began: write.began, now, reachable: true) }
  }

  /// As the observer paces its reads.
  private mutating func pace(_ host: Int) {
    let view: ActivationView = hosts[host].instance.view
    let own: CenterName = hosts[host].instance.configuration.center
    guard let record: ActivationRecord = view.record, record.center != own, record.handover == nil,
      !record.placements.contains(where: { $0.center == own || $0.yieldsTo == own }), let seenAt: MonotonicTime = view.versionSeenAt,
      let counted: MonotonicTime = view.countedFrom
    else {
      hosts[host].pacer.mood = .active
      return
    }
    hosts[host].pacer.mood = .calm(
      lateFrom: seenAt + FederationLimits.lateAfter(renewEvery: policy.renewEvery), overAt: counted + policy.lease)
  }

  /// A host that sees its center give way says that it stopped. The report reaches the store, or is lost and made again.
  private mutating func reportStopped(_ host: Int, _ now: Int64, reachable: Bool) {
    let center: CenterName = hosts[host].instance.configuration.center
    let leaving: [UInt64] = (hosts[host].instance.view.record?.placements ?? []).filter { $0.center == center && $0.yieldsTo != nil }
      .map(\.token)
    if !leaving.isEmpty, !hosts[host].stoppedPlacements.isSuperset(of: leaving), hosts[host].nextStopReport <= now {
      hosts[host].nextStopReport = now + 100
      if reachable, Int.random(in: 0..<10, using: &random) > 0 {
        hosts[host].answers.append((now + latency(), .stoppedPlacements(Set(leaving))))
      }
    }
    guard let record: ActivationRecord = hosts[host].instance.view.record, record.center == center, record.handover != nil,
      hosts[host].stoppedEpoch < record.epoch, hosts[host].nextStopReport <= now
    else { return }
    hosts[host].nextStopReport = now + 100
    if reachable, Int.random(in: 0..<10, using: &random) > 0 {
      hosts[host].answers.append((now + latency(), .stopped(epoch: record.epoch)))
    }
  }

  private func surroundings(_ host: Int, _ now: Int64, reachable: Bool) -> ActivationInstance.Surroundings {
    let center: CenterName = hosts[host].instance.configuration.center
    let epoch: Int64 = hosts[host].instance.view.record?.epoch ?? 0
    let everybody: Bool = hosts.allSatisfy { $0.instance.configuration.center != center || $0.stoppedEpoch == epoch }
    let heard: CenterName? = plan.flatMap { hosts[host].hearsPlanAt <= now && $0.epoch == epoch ? $0.to : nil }
    var found = ActivationInstance.Surroundings(
      plannedTo: heard, everybodyStopped: isHasty || reachable && everybody, epochFloor: newestEpoch)
    if let evacuation, evacuation.epoch == epoch { found.evacuations = [.init(namespace: Self.namespace, to: evacuation.to)] }
    for placement in hosts[host].instance.view.record?.placements ?? [] where placement.yieldsTo != nil {
      let all: Bool = hosts.allSatisfy {
        $0.instance.configuration.center != placement.center || $0.stoppedPlacements.contains(placement.token)
      }
      if isHasty || reachable && all { found.stoppedPlacements.insert(placement.token) }
    }
    return found
  }

  private mutating func count(_ purpose: ActivationInstance.Purpose, _ written: ActivationRecord, _ now: Int64) {
    switch purpose {
    case .create, .restore, .takeOver:
      if written.epoch <= newestEpoch { violations.append("at \(now) ms epoch \(written.epoch) is given a second time") }
    case .renew, .yield, .release, .yieldNamespace, .placeNamespace: break
    }
    newestEpoch = max(newestEpoch, written.epoch)
    switch purpose {
    case .yield: yields += 1
    case .release: releases += 1
    case .takeOver(let from) where from == written.center: withdrawals += 1
    case .takeOver:
      transitions += 1
      if let plan, plan.to == written.center { slowestMove = max(slowestMove, now - plan.asked) }
    case .yieldNamespace: namespaceYields += 1
    case .placeNamespace: namespaceMoves += 1
    case .create, .renew, .restore: break
    }
  }

  private mutating func latency() -> Int64 {
    troubles.contains(.slowAnswers) && Int.random(in: 0..<20, using: &random) == 0
      ? Int64.random(in: 100...3_000, using: &random)
      : Int64.random(in: 10...60, using: &random)
  }

  /// A paused host cannot act, but nor does it know: the deadline is what counts (a kernel timer fences by it), so it is checked as well.
  private mutating func check(_ now: Int64) {
    var active: Set<CenterName> = []
    for host in hosts.indices {
      let center: CenterName = hosts[host].instance.configuration.center
      if hosts[host].instance.view.isActive(center, at: local(host, now)) { active.insert(center) }
    }
    if troubles.contains(.evacuations) { checkNamespace(now, isActive: !active.isEmpty) }
    if !active.isEmpty { (everActive, lastActiveAt) = (true, now) }
    if wasActive, active.isEmpty { gaps += 1 }
    wasActive = !active.isEmpty
    if active.count > 1 { violations.append("at \(now) ms both \(active.map(\.value).sorted().joined(separator: " and ")) are active") }
  }

  private mutating func checkNamespace(_ now: Int64, isActive: Bool) {
    var running: Set<CenterName> = []
    for host in hosts.indices {
      let center: CenterName = hosts[host].instance.configuration.center
      if hosts[host].instance.view.mayRun(center, namespace: Self.namespace, at: local(host, now)) { running.insert(center) }
    }
    if running.count > 1 {
      violations.append("at \(now) ms both \(running.map(\.value).sorted().joined(separator: " and ")) may run \(Self.namespace)")
    }
    if !running.isEmpty, isActive { namespaceServed += 10 }
  }
}
