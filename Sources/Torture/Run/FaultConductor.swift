import Histories
import Primitives

/// Does one fault after the other as planned, undoes each at its deadline, and undoes all at the end whatever happened before.
struct FaultConductor: Sendable {
  let plan: FaultPlan
  let ground: any Ground
  let members: Members
  let recorder: Recorder
  /// Whoever leads now, as far as members say.
  let leader: @Sendable () -> Int?

  struct Done: Sendable {
    var injection: Injection
    /// The members that it met, where it was for members.
    var members: [Int]
  }

  /// Returns when the last is undone, or at once after the recorder was stopped. The list is in the order of beginnings.
  func run() async -> [Done] {
    var done: [Done] = []
    var open: [Done] = []
    var next: Int = 0
    while next < plan.injections.count || !open.isEmpty, !recorder.isStopped {
      let now: Moment = recorder.now()
      for ended in open where ended.injection.until <= now { await undo(ended) }
      open.removeAll { $0.injection.until <= now }
      while next < plan.injections.count, plan.injections[next].at <= now {
        let injection: Injection = plan.injections[next]
        next += 1
        guard let begun: Done = await begin(injection, open) else { continue }
        open.append(begun)
        done.append(begun)
        recorder.noteFault(injection)
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
    await undoAll(open)
    return done
  }

  /// nil: whom it is for is down or frozen already, or nobody leads.
  private func begin(_ injection: Injection, _ open: [Done]) async -> Done? {
    var met: [Int] = []
    switch injection.target {
    case .members(let members): met = members
    case .leader:
      guard let leader: Int = leader() else { return nil }
      met = [leader]
    case .line(let from, let to):
      try? await setLine(injection, from, to, begins: true)
      return Done(injection: injection, members: [])
    }
    let busy: Set<Int> = Set(open.flatMap(\.members))
    guard busy.isDisjoint(with: met) else { return nil }
    switch injection.kind {
    case .kill: members.kill(met)
    case .freeze: members.freeze(met)
    case .clock:
      members.kill(met)
      // Its clocks are others as soon as it runs again; for the rest of the fault's time it is down.
      try? await Task.sleep(for: .milliseconds(50))
    case .fullDisk:
      for member in met {
        members.noteDisk(member, isFull: true)
        try? ground.fillDisk(member)
      }
    case .cut, .oneWayCut, .delay, .loss: break
    }
    return Done(injection: injection, members: met)
  }

  private func undo(_ done: Done) async {
    switch done.injection.kind {
    case .kill: members.start(done.members)
    case .clock: members.start(done.members, clock: done.injection.amount)
    case .freeze: members.thaw(done.members)
    case .fullDisk:
      for member in done.members {
        ground.freeDisk(member)
        members.noteDisk(member, isFull: false)
      }
    case .cut, .oneWayCut, .delay, .loss:
      if case .line(let from, let to) = done.injection.target { try? await setLine(done.injection, from, to, begins: false) }
    }
  }

  private func setLine(_ injection: Injection, _ from: Int, _ to: Int, begins: Bool) async throws {
    var state = LineState(delay: .milliseconds(TortureLayout.delay(from, to)))
    if begins {
      switch injection.kind {
      case .cut, .oneWayCut: state.cut = true
      case .delay: state.delay = .milliseconds(injection.amount)
      case .loss: state.loss = Double(injection.amount) / 1_000
      case .kill, .freeze, .clock, .fullDisk: return
      }
    }
    try await ground.setLine(from: from, to: to, state)
    if injection.kind != .oneWayCut { try await ground.setLine(from: to, to: from, state) }
  }

  /// Every line, member and disk as on a good day.
  func undoAll(_ open: [Done]) async {
    for done in open { await undo(done) }
    for from in TortureLayout.centers.indices {
      for to in TortureLayout.centers.indices where to != from {
        try? await ground.setLine(from: from, to: to, LineState(delay: .milliseconds(TortureLayout.delay(from, to))))
      }
    }
    for member in TortureLayout.members.indices { ground.freeDisk(member) }
    members.thaw(Array(TortureLayout.members.indices))
    members.start(Array(TortureLayout.members.indices))
  }
}
