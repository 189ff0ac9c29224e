import Consensus
import Journal
import Keyspace
import Primitives
import Store

/// The person who runs `tricenter store recover` when a majority is lost: asks whoever can be reached, decides by the product's own plan,
/// and gives the orders one after the other, as `RecoveryTool` does.
extension World {
  func recover() {
    schedule(.adminTurn, in: Int64(60_000 + draw(below: 140_000)))
    guard let center = lostMajority, isStormy || !founded.contains(newestEpoch) else { return }
    let survivors: [Int] = Layout.centers[center].filter { hosts[$0].configuration != nil }
    guard let desk: Int = survivors.first(where: { hosts[$0].process != nil && !hosts[$0].isPaused }) else { return }
    let reports: [SurvivorReport] = hosts.indices.filter { answers($0, from: desk) }.compactMap { place in
      hosts[place].clock.set(now)
      return (try? hosts[place].process?.member.survivorReport()).flatMap { try? SteppedFolder.carried($0) }
    }
    // Whoever holds the certificate of the last recovery goes on with members that were there, or not at all: an epoch is numbered by what
    // those who answer know of.
    guard reports.contains(where: { $0.epoch == newestEpoch }) else { return }
    do throws(StoreError) {
      let name: String = Layout.centerNames[center]
      let plan = try RecoveryPlan(center: CenterName(name), clusterName: "bank", reports: reports)
      certificates[plan.epoch] = { recovery in
        RecoveryCertificate(plan, center: CenterName(name), time: recovery.time, by: recovery.by, isDryRun: false, recovery: recovery)
      }
      let time = WallTime(secondsSince1970: now / 1_000_000)
      for follower in plan.followers { if !carryOut(.follow(plan, time), at: follower.memberID) { return } }
      if carryOut(.found(plan, time), at: plan.successor.memberID) { lostMajority = nil }
    } catch { note("no recovery: \(error.message)") }
  }

  private func answers(_ place: Int, from desk: Int) -> Bool {
    guard let process = hosts[place].process, !hosts[place].isPaused, !process.member.hasFailed else { return false }
    return place == desk || (cuts[desk][place] == 0 && cuts[place][desk] == 0)
  }

  enum Order {
    case follow(RecoveryPlan, WallTime)
    case found(RecoveryPlan, WallTime)
    case rejoin([UInt8])
  }

  /// False: the operator hears of a failure.
  private func carryOut(_ order: Order, at member: MemberID) -> Bool {
    guard let place: Int = places[member] else { return false }
    // The order to found is refused where a leader is known by now.
    if case .found = order, (try? hosts[place].process?.member.survivorReport())?.leader != nil { return false }
    return restart(place, order)
  }

  /// The member stops, its folder is worked on, and it starts again. The power may go in the middle of that.
  @discardableResult
  func restart(_ place: Int, _ order: Order) -> Bool {
    let host: Host = hosts[place]
    guard let process = host.process, let configuration = host.configuration else { return false }
    enter(host.epoch)
    note("\(Layout.names[place]) restarts for \(order.name)")
    process.member.stopForRestart(because: "\(order.name)")
    noteDurable(process.journal.finish(), host, process)
    checkers.logs.onCrash(place, writing: process.journal.unwritten)
    stop(host)
    breakWatches(of: place)
    breakLinks(of: place)
    if chance(200) { host.disk.operationsLeft = draw(below: 30) }
    var isDone: Bool = false
    do {
      switch order {
      case .follow(let plan, let time): try SteppedFolder.follow(plan, time: time, by: "operator", host.disk)
      case .found(let plan, let time): _ = try SteppedFolder.found(plan, time: time, by: "operator", configuration, host.disk)
      case .rejoin(let proof): try handIn(host, proof, configuration)
      }
      isDone = true
    } catch {
      note("\(Layout.names[place]) could not do it: \(error)")
    }
    if host.disk.operationsLeft != nil {
      // Whether it came to the failing operation or not: the power goes here.
      host.disk.crash(&random)
      isDone = false
    }
    start(place)
    return isDone && host.process != nil
  }

  /// A member of an older epoch writes down what it alone had, and puts its log aside.
  private func handIn(_ host: Host, _ proof: [UInt8], _ configuration: StoreConfiguration) throws {
    host.isEmptied = true
    guard let (file, fork) = try SteppedFolder.rejoin(proof, configuration, host.disk, defects: options.defect?.storeDefects ?? []) else {
      return
    }
    guard let newer = parked[fork.epoch] else { return violate(.recovery, "a member is told of epoch \(fork.epoch), which nobody founded") }
    guard let kept = newer.states.entries(upTo: fork.index) else { return }
    let (lost, isCompacted): ([Entry], Bool) = checkers.logs.divergence(host.place, kept)
    let written: DivergedWrites
    do { written = try DivergedWrites(host.disk, file) } catch {
      return violate(.recovery, "\(file) of \(Layout.names[host.place]) cannot be read: \(error)")
    }
    // It may have gone on for so long that only the newest version of each key is left.
    if let problem = written.lacks(checkers.history.writes(of: lost, newestOnly: isCompacted)) {
      violate(.recovery, "\(Layout.names[host.place])'s \(file) \(problem)")
    }
    report.handedIn += written.count
  }
}

extension World.Order {
  var name: String {
    switch self {
    case .follow(let plan, _): "following epoch \(plan.epoch)"
    case .found(let plan, _): "founding epoch \(plan.epoch)"
    case .rejoin: "rejoining"
    }
  }
}
