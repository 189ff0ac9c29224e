import Primitives

/// What lasts only as long as somebody says so, such as a fault: it is renewed from when its step is completed until a later step ends it,
/// or until the run goes back, which undoes it. A runner that has lost its run, or is dead, renews nothing, and so it ends by itself.
extension RunInstance {
  enum Renewal: Hashable, Sendable {
    case due(at: MonotonicTime)
    case working(until: MonotonicTime)
  }

  /// A later step has ended what this one began.
  func isEnded(_ index: Int) -> Bool {
    let step: RunPlan.Step = plan.steps[index]
    return plan.steps.indices.contains { other in
      (plan.steps[other].ends.contains(step.call.action) || plan.steps[other].endsStep == step.id)
        && record.steps[other].order > record.steps[index].order
    }
  }

  private func isHeld(_ index: Int) -> Bool {
    record.steps[index].phase == .completed && live[index].activity == .idle && !isEnded(index)
  }

  mutating func renewHeld(_ now: MonotonicTime, _ out: inout [Directive]) {
    for (index, step) in plan.steps.enumerated() {
      guard let every: Duration = step.renewEvery else { continue }
      guard isTaken, !hasEnded, !isUnwinding, isHeld(index) else {
        live[index].renewal = nil
        continue
      }
      switch live[index].renewal {
      case nil: live[index].renewal = .due(at: now + every)
      case .due(let at) where now >= at:
        // A third of the lease has passed, the other two are what it may take.
        live[index].renewal = .working(until: now + every * 2)
        out.append(.start(step: index, work: .renew, attempt: record.steps[index].attempts))
      case .working(let until) where now >= until: onRenewed(index, .failed("it did not end in time", happened: nil), now)
      case .due, .working: break
      }
    }
    // What has failed just now is gone back from at once.
    if isTaken, !hasEnded, isUnwinding, record.phase != .restoring { advance(now, &out) }
  }

  mutating func onRenewed(_ index: Int, _ result: Result, _ now: MonotonicTime) {
    guard case .working = live[index].renewal, let every: Duration = plan.steps[index].renewEvery else { return }
    switch result {
    case .passed: live[index].renewal = .due(at: now + every)
    case .failed(let reason, _):
      live[index].renewal = nil
      fail(index, "it was done, and could not be kept up: \(reason)")
    }
  }

  var nextDue: MonotonicTime? {
    var times: [MonotonicTime] = live.compactMap { step in
      switch step.activity {
      case .idle: nil
      case .awaitingDecision(let until), .pausing(let until): until
      case .working(_, let until): until
      case .awaitingStore(_, _, let patience): patience
      }
    }
    times += live.compactMap { step in
      switch step.renewal {
      case nil: nil
      case .due(let at): at
      case .working(let until): until
      }
    }
    if let storedBegan, stored == asked { times.append(storedBegan + lease / 4) }
    return times.min()
  }
}
