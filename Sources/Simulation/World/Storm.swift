import Consensus
import Primitives

/// What goes wrong, when, and how it ends.
extension World {
  func planFaults() {
    switch weather.kind {
    case .calm: planStalls()
    case .productionLoss: queue.add(.fault(.crash([0, 1], downFor: 1_500_000)), at: Int64(900_000 + draw(below: 100_000)))
    case .mixed, .crashes, .links, .pauses, .churn:
      for _ in 0..<weather.faults {
        let time = Int64(400_000 + draw(below: Int(SimulationLimits.faultyTime) - 600_000))
        queue.add(.fault(drawFault()), at: time)
      }
    }
    queue.add(.faultsEnd, at: SimulationLimits.faultyTime)
  }

  /// Each disk stalls in turn for a quarter of a second, the leader's too.
  private func planStalls() {
    for _ in 0..<6 {
      let time = Int64(900_000 + draw(below: 1_500_000))
      queue.add(.fault(.slowDisk(draw(below: 5), by: 250_000, lasting: 300_000)), at: time)
    }
  }

  private func drawFault() -> Fault {
    guard weather.kind == .mixed else { return drawFault(of: weather.kind) }
    return drawFault(of: [.crashes, .links, .pauses][draw(below: 3)])
  }

  private func drawFault(of kind: Weather.Kind) -> Fault {
    let lasting = Int64(80_000 + draw(below: 1_000_000))
    let member: Int = draw(below: SimulationLimits.memberCount)
    switch kind {
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
      case 0: return .transfer(to: member)
      case 1, 2: return .crashLeader(downFor: lasting / 4)
      default: return .cutLeader(lasting: lasting / 3)
      }
    default:
      switch draw(below: 8) {
      case 0: return .transfer(to: member)
      case 1: return .resign
      case 2: return .pause(member, lasting: lasting / 2)
      case 3, 4: return .freezeLeader(lasting: 500_000 + lasting / 2)
      default: return .slowDisk(member, by: Int64(1_000 + draw(below: 300_000)), lasting: lasting)
      }
    }
  }

  /// Directed pairs: a center, a member, or one way between two centers.
  private func drawCut(_ member: Int) -> [(Int, Int)] {
    let inside: [Int] = chance(500) ? Layout.centers[draw(below: 3)] : [member]
    let outside: [Int] = (0..<SimulationLimits.memberCount).filter { !inside.contains($0) }
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
      for member in which { bringDown(member, downFor) }
    case .crashInWrite(let member, let downFor): members[member].doom = downFor
    case .crashLeader(let downFor):
      guard let leader else { return }
      if chance(500) { members[leader].doom = downFor } else { bringDown(leader, downFor) }
    case .cut(let pairs, let lasting):
      note("cut \(pairs.map { "\(Layout.names[$0.0])→\(Layout.names[$0.1])" }.joined(separator: " "))")
      for (from, to) in pairs { cuts[from][to] += 1 }
      schedule(.mend(pairs), in: lasting)
    case .pause(let member, let lasting):
      guard members[member].process != nil, !members[member].isPaused else { return }
      note("\(Layout.names[member]) stands still")
      members[member].isPaused = true
      schedule(.resume(member), in: lasting)
    case .cutLeader(let lasting):
      guard let leader else { return }
      let others: [Int] = members.indices.filter { $0 != leader }
      strike(.cut(others.map { (leader, $0) } + (chance(700) ? others.map { ($0, leader) } : []), lasting: lasting))
    case .freezeLeader(let lasting):
      guard let leader else { return }
      strike(.pause(leader, lasting: lasting))
      strike(.cut(members.indices.filter { $0 != leader }.map { ($0, leader) }, lasting: lasting + 40_000))
    case .brownout(let hanging, let extra):
      note("all disks hang")
      for member in members.indices { members[member].extraDiskTime = extra }
      schedule(.fault(.crash([0, 1, 2, 3, 4], downFor: 30_000)), in: hanging)
      for member in members.indices { schedule(.mendDisk(member), in: hanging) }
    case .slowDisk(let member, let extra, let lasting):
      members[member].extraDiskTime = extra
      schedule(.mendDisk(member), in: lasting)
    case .transfer(let target):
      guard let leader else { return }
      members[leader].process?.node.transferLeadership(to: Layout.id(target))
      drain(leader)
    case .resign:
      guard let leader else { return }
      members[leader].process?.node.resignLeadership()
      drain(leader)
    }
  }

  private func bringDown(_ member: Int, _ downFor: Int64) {
    guard members[member].process != nil else { return }
    crash(member)
    schedule(.restart(member), in: downFor + Int64(draw(below: 50_000)))
  }

  /// The member that believes it leads, in the newest term.
  var leader: Int? {
    var best: Int?
    var term: UInt64 = 0
    for member in members.indices {
      guard let node = members[member].process?.node, node.isLeader, node.currentTerm >= term else { continue }
      best = member
      term = node.currentTerm
    }
    return best
  }

  func mend(_ pairs: [(Int, Int)]) {
    guard isStormy else { return }
    for (from, to) in pairs { cuts[from][to] = max(0, cuts[from][to] - 1) }
  }

  /// Everything is mended; from here on the clock of the liveness checks runs.
  func endFaults() {
    note("the faults end")
    isStormy = false
    calmSince = now
    for from in cuts.indices { for to in cuts[from].indices { cuts[from][to] = 0 } }
    for member in members.indices {
      members[member].extraDiskTime = 0
      members[member].doom = nil
      resume(member)
      if members[member].process == nil { start(member) }
    }
    schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
  }
}
