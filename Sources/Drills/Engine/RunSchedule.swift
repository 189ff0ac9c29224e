import Primitives

/// What is next: forward along the plan's arrows, or back.
extension RunInstance {
  /// A step failed, or somebody wants it stopped: what was done is undone.
  var isUnwinding: Bool { record.phase == .restoring || isAborted || record.steps.contains(where: \.hasFailed) }

  /// What gives back or undoes does not wait for ever for its intent to be stored: the store may be what is broken.
  func isGivingBack(_ index: Int, _ work: Work) -> Bool {
    if case .compensate = work { return true }
    if work == .ask || work == .restore { return true }
    return plan.steps[index].always || plan.steps[index].mendsStore
  }

  mutating func advance(_ now: MonotonicTime, _ out: inout [Directive]) {
    guard !hasEnded else { return }
    if isUnwinding {
      unwind(now, &out)
      return
    }
    for index in plan.steps.indices { goOn(index, now, &out) }
    if record.steps.allSatisfy({ $0.phase == .completed }), live.allSatisfy({ $0.activity == .idle }) {
      end(.completed, .passed, "Every step was completed.")
    }
  }

  /// Brings a step as far as it can get now.
  private mutating func goOn(_ index: Int, _ now: MonotonicTime, _ out: inout [Directive]) {
    guard live[index].activity == .idle, [.pending, .waiting, .retrying].contains(record.steps[index].phase),
      plan.steps[index].dependsOn.allSatisfy({ record.steps[$0].phase == .completed && live[$0].activity == .idle })
    else { return }
    let step: RunPlan.Step = plan.steps[index]
    if let approval: Runbook.Approval = step.approval, !live[index].isApproved {
      if record.steps[index].phase != .waiting { begin(waiting: index) }
      live[index].activity = .awaitingDecision(until: now + max(.zero, approval.timeout - waited(index)))
      return
    }
    if !step.preconditions.isEmpty, !live[index].isChecked {
      start(index, .check, now, &out)
      return
    }
    perform(index, now, &out)
  }

  private mutating func perform(_ index: Int, _ now: MonotonicTime, _ out: inout [Directive]) {
    let isAgain: Bool = record.steps[index].attempts > 0
    guard plan.steps[index].effect == .changes else {
      setDown(index, .running)
      start(index, .perform(asks: false), now, &out)
      return
    }
    setDown(index, .intended)
    let step: RunPlan.Step = plan.steps[index]
    let patience: Duration =
      step.mendsStore ? DrillLimits.mendPatience : step.always ? DrillLimits.undoPatience : step.call.timeout
    live[index].activity = .awaitingStore(version: version, work: .perform(asks: isAgain), patience: now + patience)
  }

  /// Everything under way ends first; then what is marked `always` runs in its order, because what undoes the rest may need what these
  /// give back; then every effect that can be undone is, the last one first.
  private mutating func unwind(_ now: MonotonicTime, _ out: inout [Directive]) {
    if record.phase != .restoring {
      record.phase = .restoring
      change()
      for index in live.indices where !plan.steps[index].always { stop(index, &out) }
    }
    guard live.allSatisfy({ $0.activity == .idle }) else { return }
    if let next: Int = plan.steps.indices.first(where: { plan.steps[$0].always && !record.steps[$0].phase.isOver }) {
      perform(next, now, &out)
      return
    }
    if let next: Int = nextToUndo {
      record.steps[next].phase = .compensating
      change()
      live[next].activity = .awaitingStore(version: version, work: .compensate(asks: false), patience: now + DrillLimits.undoPatience)
      return
    }
    for index in record.steps.indices where !record.steps[index].phase.isOver { record.steps[index].phase = .skipped }
    conclude()
  }

  /// What only waits is called off; what only looks is interrupted; what changes something is let finish, so that one knows what to undo.
  private mutating func stop(_ index: Int, _ out: inout [Directive]) {
    switch live[index].activity {
    case .idle: break
    case .pausing, .awaitingDecision: live[index].activity = .idle
    case .awaitingStore(_, let work, _):
      // An attempt before, or a runner before, may have done it: that is asked, and undone.
      if work == .perform(asks: true), case .awaitingStore(let version, _, let patience) = live[index].activity {
        live[index].activity = .awaitingStore(version: version, work: .ask, patience: patience)
        return
      }
      if work == .ask { return }
      live[index].activity = .idle
      if record.steps[index].phase == .intended { record.steps[index].order = 0 }
    case .working(let work, _):
      if plan.steps[index].effect == .changes, work != .check { return }
      live[index].activity = .idle
      out.append(.interrupt(step: index))
    }
    if [.pending, .waiting, .retrying, .intended, .running].contains(record.steps[index].phase) {
      record.steps[index].phase = .skipped
      record.steps[index].message = isAborted ? "the run was stopped" : "a step before it failed"
    }
  }

  private var nextToUndo: Int? {
    let done: [Int] = record.steps.indices.filter { index in
      plan.steps[index].compensation != nil && plan.steps[index].effect == .changes && record.steps[index].order > 0
        && [.completed, .failed, .compensating].contains(record.steps[index].phase)
    }
    return done.max { record.steps[$0].order < record.steps[$1].order }
  }

  private mutating func conclude() {
    let failed: [RunRecord.Step] = record.steps.filter(\.hasFailed)
    let left: [String] = record.steps.filter { $0.phase == .uncompensated }.map(\.name)
    let open: [String] = record.steps.indices.filter { index in
      record.steps[index].phase == .failed && record.steps[index].message.hasSuffix("whether it happened is unknown")
    }.map { record.steps[$0].name }
    var sentences: [String] = failed.map { "\($0.name) failed: \($0.message)." }
    if isAborted { sentences.insert("It was stopped before its end.", at: 0) }
    if !left.isEmpty { sentences.append("Not undone, look at it by hand: \(left.joined(separator: ", ")).") }
    if !open.isEmpty { sentences.append("Nobody can tell whether it happened: \(open.joined(separator: ", ")).") }
    let verdict: RunRecord.Verdict = left.isEmpty && open.isEmpty ? .failed : .inconclusive
    end(isAborted ? .aborted : .failed, verdict, sentences.joined(separator: " "))
  }
}
