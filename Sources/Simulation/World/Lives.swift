import Consensus
import Journal
import Primitives
import Store

/// Starting and dying.
extension World {
  func configuration(of host: Int, _ members: [StoreMember]) -> StoreConfiguration {
    var configuration = StoreConfiguration(
      memberID: hosts[host].id ?? MemberID(0), clusterID: 1, members: members, directory: Layout.names[host])
    configuration.snapshotEntries = 30
    configuration.catchUpEntries = 8
    configuration.requestTimeout = .milliseconds(1_000)
    configuration.autoPatience = .milliseconds(200)
    configuration.cityRecovery = .milliseconds(300)
    configuration.leaseCheckpointInterval = .milliseconds(700)
    configuration.diskStallLimit = .microseconds(SimulationLimits.diskStallLimit)
    configuration.maxLearners = 2
    configuration.wideArea.relayedFrom = weather.relayedFrom
    configuration.shrinkPatience = .seconds(1)
    // Each by its own, as configuration files may differ: the leader's counts.
    if weather.kind == .shrink { configuration.shrinkMode = [.manual, .latency, .durable][draw(below: 3)] }
    return configuration
  }

  func start(_ place: Int) {
    let host: Host = hosts[place]
    guard var configuration: StoreConfiguration = host.configuration else { return }
    enter(host.epoch)
    if let id = host.id, checkers.history.model.removed.contains(id) { return leave(host) }
    host.life += 1
    host.doom = nil
    host.clock.set(now)
    configuration.seed = random.next()
    configuration.journalSegmentBytes = SimulationLimits.segmentBytes
    do {
      guard let process: Host.Process = try open(host, configuration) else { return }
      host.process = process
      checkers.states.onStart(place, applied: process.member.appliedIndex)
      note("\(Layout.names[place]) starts with term \(process.member.term), log up to \(process.member.raft.lastIndex)")
    } catch let error as StoreError where error.journalCode == .corrupt && host.disk.isDamaged {
      // Found, in two places at once. It must not vote with that; somebody has to add it anew.
      report.damagesFound += 1
      note("\(Layout.names[place]) finds its log damaged: \(error.message)")
      host.isGone = true
      return
    } catch let error as StoreError where error.journalCode == .noSpace && host.disk.space != .plenty {
      note("\(Layout.names[place]) cannot start, its disk is full")
      return schedule(.restart(place), in: Int64(100_000 + draw(below: 200_000)))
    } catch {
      return violate(.journal, "\(Layout.names[place]) cannot start from its disk: \(error)")
    }
    guard report.violation == nil else { return }
    for other in hosts where other.epoch != host.epoch {
      isBroken[place][other.place] = true
      isBroken[other.place][place] = true
    }
    for other in hosts where other.place != place && other.process != nil && cuts[other.place][place] == 0 {
      mendLink(other.place, place)
      mendLink(place, other.place)
    }
    schedule(.tick(host: place, life: host.life), in: Int64(draw(below: Int(SimulationLimits.tick))))
  }

  /// nil: it is not used.
  private func open(_ host: Host, _ configuration: StoreConfiguration) throws -> Host.Process? {
    let place: Int = host.place
    var journal: SimulatedJournal?
    let member = try SteppedMember(
      configuration, timing: timing, clock: host.clock, disk: host.disk, link: SimulatedLink(self, place),
      defects: options.defect?.storeDefects ?? [],
      journal: { core in
        let opened = SimulatedJournal(
          core, isEager: options.defect == .saysPersistedTooEarly, clock: host.clock, now: { [unowned self] in now },
          handedOver: { [unowned self] batch in
            host.process?.noteWritten(batch)
            if let problem = checkers.logs.onHandedOver(place, batch) { violate(.logMatching, problem) }
          }, woken: { [unowned self] in startDisk(place) })
        journal = opened
        return opened
      }, adjust: adjustment)
    guard let journal else { preconditionFailure("a member without a journal") }
    if member.epoch != host.epoch { changeEpoch(host, member) }
    host.isEmptied = false
    guard report.violation == nil else { return nil }
    if !member.remarks.isEmpty { report.tornWrites += 1 }
    if member.isRepairing {
      if !checkers.logs.isRepairing(place) { report.damagesFound += 1 }
      note("\(Layout.names[place]) finds its log damaged and is repaired: \(member.remarks.joined(separator: "; "))")
    }
    switch checkers.logs.onStart(place, member, isDamaged: host.disk.isDamaged) {
    case .whole: return Host.Process(member, journal)
    case .lacksTail: lack(host)
    case .broken(let problem): violate(.journal, problem)
    }
    return nil
  }

  /// A bad disk lost the end of the log, as if the power had gone a moment earlier: nobody can see that from the disk, and Raft does not
  /// survive members that forget. The host is not used again, which is what the bound on bad disks stands for.
  private func lack(_ host: Host) {
    report.tailsLost += 1
    note("\(Layout.names[host.place])'s disk lost the end of the log")
    host.isGone = true
  }

  /// It is no member any more.
  func leave(_ host: Host) {
    note("\(Layout.names[host.place]) has left")
    if host.process != nil { stop(host) }
    if let id = host.id { places[id] = nil }
    host.configuration = nil
    host.id = nil
    host.epoch = era
    host.disk = FaultyDisk(path: Layout.names[host.place])
    checkers.logs.forget(host.place)
    breakWatches(of: host.place)
  }

  var timing: RaftTiming {
    var timing = RaftTiming()
    if weather.kind == .churn {
      timing.heartbeatTicks = 1
      timing.electionTicks = 6
      timing.electionMarginTicks = 1
      timing.electionJitterTicks = 4
      timing.priorityTicks = 1
      timing.handoverTicks = 20
      timing.handoverRetryTicks = 40
    }
    return timing
  }

  private var adjustment: @Sendable (inout RaftConfiguration) -> Void {
    let (isChurn, defects): (Bool, RaftDefects) = (weather.kind == .churn, options.defect?.raftDefects ?? [])
    return { raft in
      raft.maxInflightMessages = 16
      raft.maxEntryBytesPerMessage = isChurn ? 64 : 1024
      raft.defects = defects
    }
  }

  /// kill -9, or a power cut: what was being written is written in part, what was not synced is there or not, sector by sector.
  func crash(_ place: Int) {
    let host: Host = hosts[place]
    guard let process = host.process else { return }
    enter(host.epoch)
    note("\(Layout.names[place]) crashes")
    report.crashes += 1
    var writing: [SimulatedJournal.Work] = process.journal.running
    let unwritten: [JournalBatch] = process.journal.unwritten
    if writing.isEmpty, chance(500) { writing = process.journal.queued }
    if !writing.isEmpty {
      host.disk.operationsLeft = draw(below: 4)
      process.journal.write(writing, told: false)
      host.disk.operationsLeft = nil
    }
    stop(host)
    host.disk.crash(&random)
    checkers.logs.onCrash(place, writing: unwritten)
    let notices: Bool = chance(500)
    for other in hosts where other.place != place && other.process != nil && notices {
      schedule(.linkChanged(host: other.place, life: other.life, other: place, up: false), in: Int64(500 + draw(below: 30_000)))
    }
    breakWatches(of: place)
  }

  func stop(_ host: Host) {
    host.process?.journal.drop()
    host.process = nil
    host.life += 1
    host.isLooking = false
    host.isPaused = false
    host.backlog = []
  }

  func tick(_ place: Int, _ life: Int) {
    let host: Host = hosts[place]
    guard host.life == life, let process = host.process else { return }
    if process.member.isLeader { excuseStalledLeader(host, process) }
    process.member.tick()
    observe(place)
    schedule(.tick(host: place, life: life), in: host.clock.tick)
  }

  func resume(_ place: Int) {
    let host: Host = hosts[place]
    guard host.isPaused else { return }
    host.isPaused = false
    host.clock.set(now)
    note("\(Layout.names[place]) goes on")
    let backlog: [SimulationEvent] = host.backlog
    host.backlog = []
    // What waits in one socket says nothing about the order of another: requests may be read before messages.
    if chance(500) {
      for event in backlog { if case .request = event { handle(event) } }
      for event in backlog { if case .request = event {} else { handle(event) } }
    } else {
      for event in backlog { handle(event) }
    }
  }
}

extension StoreError {
  /// Of the journal's error that it is about.
  fileprivate var journalCode: JournalError.Code? { (cause as? JournalError)?.code }
}
