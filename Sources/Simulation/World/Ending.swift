import Consensus
import Keyspace
import Primitives

/// What must be true once everything is mended.
extension World {
  /// Asked again and again until all is well or the time is up.
  func checkRecovery() {
    let waited: Int64 = now - calmSince
    if let problem = whatIsMissing {
      guard waited < SimulationLimits.recoveryTime else {
        return violate(.liveness, "\(waited / 1000) ms after the last fault \(problem): \(overview)")
      }
      return schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
    }
    if weather.kind == .calm, report.elections > 1 {
      return violate(.needlessElection, "\(report.elections) elections although nothing happened but disk stalls of 250 ms")
    }
    if weather.kind == .productionLoss, (report.failoverMicroseconds ?? .max) > 1_000_000 {
      return violate(
        .liveness, "no new leader within 1 s after production died (\(report.failoverMicroseconds.map { "\($0 / 1000) ms" } ?? "none"))")
    }
    guard let leader, Layout.centerOf[leader] == 0 else {
      guard waited < SimulationLimits.priorityTime else {
        return violate(.priority, "production does not lead \(waited / 1000) ms after the last fault: \(overview)")
      }
      return schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
    }
    isOver = true
  }

  private var whatIsMissing: String? {
    guard leader != nil else { return "nobody leads" }
    for client in clients where !servedSinceCalm.contains(client.number) { return "client \(client.number) was not served" }
    for member in members.indices {
      let applied: UInt64 = members[member].process?.keyspace.appliedIndex ?? 0
      if applied + 30 < checkers.states.lastIndex {
        return "\(Layout.names[member]) is at entry \(applied) of \(checkers.states.lastIndex)"
      }
    }
    return nil
  }

  /// Everyone has the same state, and it is what the model has.
  func checkEnd() {
    for member in members.indices {
      guard let process = members[member].process else { return violate(.liveness, "\(Layout.names[member]) is not up at the end") }
      guard process.keyspace.appliedIndex + 30 >= checkers.states.lastIndex else {
        return violate(
          .liveness, "\(Layout.names[member]) is at entry \(process.keyspace.appliedIndex) of \(checkers.states.lastIndex) at the end")
      }
      let all = RangeRequest(KeyRange(key: [0], end: [0]))
      guard let response = try? process.keyspace.range(all) else {
        return violate(.stateMachineSafety, "\(Layout.names[member]) cannot be read")
      }
      if let problem = checkers.history.model.compare(response, at: process.keyspace.revision) {
        return violate(.stateMachineSafety, "\(Layout.names[member]) \(problem)")
      }
      mix(UInt64(bitPattern: process.keyspace.revision))
    }
    if let problem = checkers.history.lostWrites(upTo: members.compactMap { $0.process?.keyspace.revision }.max() ?? 0) {
      violate(.durability, problem)
    }
  }

  var overview: String {
    members.indices.map { member in
      guard let status = members[member].process?.node.status else { return "\(Layout.names[member]) down" }
      return "\(Layout.names[member]) \(status.role.rawValue) t\(status.term) log \(status.lastIndex) commit \(status.commit)"
    }.joined(separator: ", ")
  }
}
