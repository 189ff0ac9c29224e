import Journal
import Primitives

/// What goes wrong, when, and how it ends.
extension World {
  func planFaults() {
    switch weather.kind {
    case .calm: planStalls()
    case .productionLoss:
      let burns: Bool = chance(500)
      let time = Int64(900_000 + draw(below: 100_000))
      queue.add(.fault(burns ? .lose([0, 1]) : .crash([0, 1], downFor: 900_000)), at: time)
    case .recovery: planLoss()
    default:
      for _ in 0..<weather.faults {
        queue.add(.fault(drawFault(of: weather.kind)), at: Int64(400_000 + draw(below: Int(weather.span) - 500_000)))
      }
      if weather.kind == .disks {
        // First it lies, or writes astray; then the power goes, and it comes to light.
        let time = Int64(600_000 + draw(below: Int(weather.span) - 700_000))
        let fault: DiskFault = DiskFault.allCases[draw(below: DiskFault.allCases.count)]
        queue.add(.fault(.badDisk(badHost, fault)), at: time)
        queue.add(.fault(.crash([badHost], downFor: 50_000)), at: time + Int64(20_000 + draw(below: 300_000)))
      }
    }
    queue.add(.faultsEnd, at: weather.span)
  }

  /// Each disk stalls in turn for a quarter of a second, the leader's too.
  private func planStalls() {
    for _ in 0..<4 {
      let time = Int64(800_000 + draw(below: Int(weather.span) - 900_000))
      queue.add(.fault(.slowDisk(draw(below: 5), by: 250_000, lasting: 300_000)), at: time)
    }
  }

  private func drawFault(of kind: Weather.Kind) -> Fault {
    let lasting = Int64(80_000 + draw(below: 700_000))
    let member: Int = draw(below: Layout.founderCount)
    switch kind {
    case .mixed: return drawFault(of: [.crashes, .links, .pauses][draw(below: 3)])
    case .crashes:
      switch draw(below: 11) {
      case 0: return .crash([0, 1, 2, 3, 4], downFor: lasting / 4)
      case 1: return .brownout(hanging: Int64(60_000 + draw(below: 200_000)), by: Int64(20_000 + draw(below: 200_000)))
      case 2, 3: return .crash(Layout.centers[draw(below: 3)], downFor: lasting)
      case 4, 5, 6: return .crashLeader(downFor: lasting)
      case 7: return .crash([member], downFor: lasting)
      default: return .crashInWrite(member, downFor: lasting)
      }
    case .links: return .cut(drawCut(member), lasting: lasting)
    case .churn:
      switch draw(below: 5) {
      case 0: return chance(500) ? .transfer(to: member) : .transferAndCut(to: member)
      case 1, 2: return .crashLeader(downFor: lasting / 4)
      default: return .cutLeader(lasting: lasting / 3)
      }
    case .leases:
      switch draw(below: 6) {
      case 0: return .transfer(to: member)
      case 1: return .crashLeader(downFor: lasting)
      case 2: return .cutLeader(lasting: 500_000 + lasting)
      default: return .freezeLeader(lasting: 700_000 + lasting * 2)
      }
    case .cities:
      let (east, west): ([Int], [Int]) = (Layout.hostsOfCity[0], Layout.hostsOfCity[1])
      let pairs: [(Int, Int)] = east.flatMap { a in west.flatMap { b in [(a, b), (b, a)] } }
      switch draw(below: 5) {
      case 0: return .crashLeader(downFor: lasting)
      case 1: return .slowDisk(4, by: Int64(100_000 + draw(below: 400_000)), lasting: lasting)
      case 2: return .crash([4], downFor: lasting)
      default: return .cut(pairs, lasting: lasting + 300_000)
      }
    case .members: return draw(below: 2) == 0 ? .crashLeader(downFor: lasting / 2) : .cutLeader(lasting: lasting)
    case .joint:
      switch draw(below: 6) {
      case 0: return .crashLeader(downFor: lasting / 2)
      case 1: return .transfer(to: member)
      default: return chance(500) ? .cutLeader(lasting: lasting) : .cut(drawSplit(), lasting: lasting)
      }
    case .shrink:
      switch draw(below: 4) {
      case 0: return .crashLeader(downFor: lasting / 2)
      case 1: return .crash(Layout.centers[draw(below: 3)], downFor: 500_000 + lasting)
      default: return .cut(drawCut(member), lasting: 300_000 + lasting)
      }
    case .disks: return draw(below: 2) == 0 ? .crashLeader(downFor: lasting / 2) : .crashInWrite(member, downFor: lasting / 2)
    case .pauses, .calm, .productionLoss, .recovery:
      switch draw(below: 8) {
      case 0: return chance(500) ? .transfer(to: member) : .transferAndCut(to: member)
      case 1: return .resign
      case 2: return .pause(member, lasting: lasting / 2)
      case 3, 4: return .freezeLeader(lasting: 500_000 + lasting / 2)
      default: return .slowDisk(member, by: Int64(1_000 + draw(below: 300_000)), lasting: lasting)
      }
    }
  }

  /// Two of the three centers go, somehow, before anybody can tell what was under way; some time later they are back.
  private func planLoss() {
    let center: Int = draw(below: 3)
    let lost: [Int] = (0..<Layout.founderCount).filter { Layout.centerOf[$0] != center }
    let survivors: [Int] = Layout.centers[center].filter { $0 < Layout.founderCount }
    let time = Int64(700_000 + draw(below: 400_000))
    for _ in 0..<weather.faults {
      queue.add(.fault(drawFault(of: [.crashes, .links, .churn][draw(below: 3)])), at: Int64(400_000 + draw(below: Int(time) - 400_000)))
    }
    let away = Int64(1_000_000 + draw(below: 800_000))
    switch draw(below: 5) {
    case 0: queue.add(.fault(.lose(lost)), at: time)
    case 1, 2: queue.add(.fault(.crash(lost, downFor: away)), at: time)
    default:
      // The others go on without the survivors, and do not know what is decided there.
      let pairs: [(Int, Int)] = lost.flatMap { other in survivors.flatMap { [(other, $0), ($0, other)] } }
      queue.add(.fault(.cut(pairs, lasting: away)), at: time)
      if chance(300) { queue.add(.fault(.crash(Layout.centers[Layout.centerOf[lost[0]]], downFor: 300_000)), at: time + away / 2) }
    }
    queue.add(.majorityLost(center: center), at: time + Int64(200_000 + draw(below: 300_000)))
    // The survivors are hit once more.
    if survivors.count > 1, chance(300) {
      let again: Int64 = time + 1_100_000 + Int64(draw(below: 400_000))
      queue.add(.fault(.crash([survivors[draw(below: 2)]], downFor: 600_000)), at: again)
      queue.add(.majorityLost(center: center), at: again + 100_000)
    }
  }

  /// Two halves that do not hear each other.
  private func drawSplit() -> [(Int, Int)] {
    let side: [Bool] = (0..<Layout.founderCount).map { _ in chance(500) }
    var pairs: [(Int, Int)] = []
    for a in side.indices { for b in side.indices where side[a] != side[b] { pairs.append((a, b)) } }
    return pairs
  }

  /// Directed pairs: a center, a member, or one way between two centers.
  private func drawCut(_ member: Int) -> [(Int, Int)] {
    let inside: [Int] = chance(500) ? Layout.centers[draw(below: 3)] : [member]
    let outside: [Int] = (0..<Layout.hostCount).filter { !inside.contains($0) }
    let other: [Int] = chance(400) ? Layout.centers[draw(below: 3)].filter { !inside.contains($0) } : outside
    var pairs: [(Int, Int)] = []
    let way: Int = draw(below: 3)
    for a in inside {
      for b in other {
        if way != 1 { pairs.append((a, b)) }
        if way != 2 { pairs.append((b, a)) }
      }
    }
    return pairs
  }

  func strike(_ fault: Fault) {
    guard isStormy else { return }
    switch fault {
    case .crash(let which, let downFor):
      if weather.kind == .productionLoss { productionDiedAt = now }
      for host in which { bringDown(host, downFor) }
    case .lose(let which):
      if weather.kind == .productionLoss { productionDiedAt = now }
      for host in which {
        crash(host)
        hosts[host].isGone = true
      }
    case .crashInWrite(let host, let downFor): hosts[host].doom = downFor
    case .crashLeader(let downFor):
      guard let leader else { return }
      if chance(500) { hosts[leader].doom = downFor } else { bringDown(leader, downFor) }
    case .cut(let pairs, let lasting): cut(pairs, lasting)
    case .pause(let host, let lasting):
      guard hosts[host].process != nil, !hosts[host].isPaused else { return }
      note("\(Layout.names[host]) stands still")
      hosts[host].isPaused = true
      schedule(.resume(host), in: lasting)
    case .cutLeader(let lasting):
      guard let leader else { return }
      let others: [Int] = hosts.indices.filter { $0 != leader }
      cut(others.map { (leader, $0) } + (chance(700) ? others.map { ($0, leader) } : []), lasting)
    case .freezeLeader(let lasting):
      guard let leader else { return }
      strike(.pause(leader, lasting: lasting))
      // It wakes up and believes that it leads, until it hears of its successor or misses the others.
      let deaf = Int64(40_000 + (chance(500) ? draw(below: 250_000) : 0))
      if chance(700) { probe(leader, until: now + lasting + deaf) }
      cut(hosts.indices.filter { $0 != leader }.map { ($0, leader) }, lasting + deaf)
    case .transferAndCut(let target):
      guard let leader, leader != target else { return }
      strike(.transfer(to: target))
      let lasting = Int64(100_000 + draw(below: 300_000))
      probe(leader, until: now + lasting)
      // The word has left. What the others say to the old leader from now on is lost.
      schedule(.fault(.cut(hosts.indices.filter { $0 != leader }.map { ($0, leader) }, lasting: lasting)), in: Int64(draw(below: 2_000)))
    case .brownout(let hanging, let extra):
      note("all disks hang")
      for host in hosts { host.extraDiskTime = extra }
      schedule(.fault(.crash([0, 1, 2, 3, 4], downFor: 30_000)), in: hanging)
      for host in hosts.indices { schedule(.mendDisk(host), in: hanging) }
    case .slowDisk(let host, let extra, let lasting):
      note("\(Layout.names[host])'s disk takes \(extra / 1000) ms longer for each write")
      hosts[host].extraDiskTime = extra
      schedule(.mendDisk(host), in: lasting)
    case .badDisk(let host, let kind): spoil(host, kind)
    case .transfer(let target):
      guard let leader, let id = hosts[target].id else { return }
      hosts[leader].process?.member.transferLeadership(to: id)
      observe(leader)
    case .resign:
      guard let leader else { return }
      hosts[leader].process?.member.resignLeadership()
      observe(leader)
    }
  }

  private func spoil(_ place: Int, _ kind: DiskFault) {
    guard hosts[place].process != nil else { return }
    let disk: FaultyDisk = hosts[place].disk
    note("\(Layout.names[place])'s disk: \(kind)")
    switch kind {
    case .flipsBit: if let what = disk.flip(&random) { note("a bit of \(what) turns over") }
    case .misdirects: disk.misdirection = (1 + draw(below: 2), chance(500) ? 1 + draw(below: 8) : -1 - draw(below: 8))
    case .lies: disk.liesLeft = 1 + draw(below: 4)
    case .full:
      disk.space = chance(500) ? .none : .noneToGrow
      schedule(.freeSpace(place), in: Int64(300_000 + draw(below: 1_200_000)))
      report.fullDisks += 1
    case .fails: disk.operationsLeft = draw(below: 6)
    }
  }

  private func cut(_ pairs: [(Int, Int)], _ lasting: Int64) {
    note("cut \(pairs.map { "\(Layout.names[$0.0])→\(Layout.names[$0.1])" }.joined(separator: " "))")
    let notice = Int64(50_000 + draw(below: 300_000))
    for (from, to) in pairs {
      cuts[from][to] += 1
      guard hosts[from].process != nil else { continue }
      schedule(.linkChanged(host: from, life: hosts[from].life, other: to, up: false), in: notice)
    }
    schedule(.mend(pairs), in: lasting)
  }

  private func bringDown(_ host: Int, _ downFor: Int64) {
    guard hosts[host].process != nil else { return }
    crash(host)
    schedule(.restart(host), in: downFor + Int64(draw(below: 50_000)))
  }

  /// The host that believes it leads, in the newest term of the newest epoch.
  var leader: Int? {
    var best: Int?
    var (epoch, term): (UInt64, UInt64) = (0, 0)
    for host in hosts {
      guard let member = host.process?.member, member.isLeader, (host.epoch, member.term) >= (epoch, term) else { continue }
      best = host.place
      (epoch, term) = (host.epoch, member.term)
    }
    return best
  }

  func mend(_ pairs: [(Int, Int)]) {
    guard isStormy else { return }
    for (from, to) in pairs {
      cuts[from][to] = max(0, cuts[from][to] - 1)
      mendLink(from, to)
      mendLink(to, from)
    }
  }

  /// Everything is mended; from here on the clock of the liveness checks runs.
  func endFaults() {
    note("the faults end")
    isStormy = false
    calmSince = now
    for from in hosts.indices {
      for to in hosts.indices {
        cuts[from][to] = 0
        mendLink(from, to)
      }
    }
    for host in hosts {
      host.extraDiskTime = 0
      host.doom = nil
      host.disk.operationsLeft = nil
      host.disk.space = .plenty
      resume(host.place)
      if host.process == nil, !host.isGone { start(host.place) }
    }
    schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
  }
}
