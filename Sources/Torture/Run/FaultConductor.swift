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
    /// What the line had done before, where it was for a line whose packets are counted.
    var before: LineCounts?
    /// It was seen to be so: the process was there and died, packets were dropped, the disk had no byte left.
    var happened: Bool = false
  }

  /// Returns when the last is undone, or soon after the recorder was stopped. The list is in the order of beginnings.
  func run() async -> [Done] {
    var done: [Done] = []
    var open: [Int] = []
    /// Restarts with other clocks that have not been seen to run yet.
    var clocks: [Int] = []
    var next: Int = 0
    while next < plan.injections.count || !open.isEmpty, !recorder.isStopped {
      let now: Moment = recorder.now()
      for place in open where done[place].injection.until <= now {
        await undo(&done[place])
        if done[place].injection.kind == .clock { clocks.append(place) }
      }
      confirm(&clocks, &done)
      open.removeAll { done[$0].injection.until <= now }
      while next < plan.injections.count, plan.injections[next].at <= now {
        let injection: Injection = plan.injections[next]
        next += 1
        guard let begun: Done = await begin(injection, busy: Set(open.flatMap { done[$0].members })) else { continue }
        open.append(done.count)
        done.append(begun)
        recorder.noteFault(injection)
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
    for place in open { await undo(&done[place]) }
    await undoAll()
    try? await Task.sleep(for: .milliseconds(500))
    confirm(&clocks, &done)
    return done
  }

  /// nil: whom it is for is down or frozen already, or nobody leads, or the ground refused it.
  private func begin(_ injection: Injection, busy: Set<Int>) async -> Done? {
    var met: [Int] = []
    switch injection.target {
    case .members(let members): met = members
    case .leader:
      guard let leader: Int = leader() else { return nil }
      met = [leader]
    case .line(let from, let to):
      let before: LineCounts? = ground.counts(from: from, to: to)
      guard (try? await setLine(injection, from, to, begins: true)) != nil else { return nil }
      return Done(injection: injection, members: [], before: before)
    }
    guard busy.isDisjoint(with: met) else { return nil }
    var done = Done(injection: injection, members: met)
    switch injection.kind {
    case .kill: done.happened = members.kill(met) > 0
    case .freeze: done.happened = members.freeze(met) > 0
    case .clock:
      // Its clocks are others as soon as it runs again; for the rest of the fault's time it is down.
      members.kill(met)
      try? await Task.sleep(for: .milliseconds(50))
    case .fullDisk:
      for member in met {
        members.noteDisk(member, isFull: true)
        try? ground.fillDisk(member)
      }
      done.happened = met.allSatisfy(ground.isFull)
    case .cut, .oneWayCut, .delay, .loss: break
    }
    return done
  }

  private func undo(_ done: inout Done) async {
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
      guard case .line(let from, let to) = done.injection.target else { return }
      done.happened = Self.happened(done.injection.kind, done.before, ground.counts(from: from, to: to))
      try? await setLine(done.injection, from, to, begins: false)
    }
  }

  /// Where nobody counts, what was set is believed.
  static func happened(_ kind: Injection.Kind, _ before: LineCounts?, _ after: LineCounts?) -> Bool {
    guard let before, let after else { return true }
    return switch kind {
    case .cut, .oneWayCut: after.blocked > before.blocked
    case .loss: after.lost > before.lost
    default: after.carried > before.carried
    }
  }

  /// A member's clocks are seen once it runs again.
  private func confirm(_ clocks: inout [Int], _ done: inout [Done]) {
    for place in clocks where done[place].members.allSatisfy(members.hasOwnClock) { done[place].happened = true }
    clocks.removeAll { done[$0].happened }
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
  func undoAll() async {
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
