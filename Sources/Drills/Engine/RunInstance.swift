import Primitives

/// One run of a plan as a value: what happened goes in, what to do comes out. It reads no clock and does nothing itself.
///
/// The contract with its shell: directives are carried out in order, and `.store` asks for `record` as it is then. An effect is started
/// only in answer to `.stored` of a version that holds its intent, and only while that answer is younger than the runner's lease: so
/// whoever takes over finds the intent, and a runner that slept through its lease asks the store again before it does anything.
public struct RunInstance: Sendable {
  public enum Work: Hashable, Sendable {
    /// Conditions that must hold before.
    case check
    /// The action, and the conditions that must hold after. `asks`: it may have happened already, so ask first.
    case perform(asks: Bool)
    /// Did it happen? It is not to happen any more.
    case ask
    /// A session of a runner before, begun anew.
    case restore
    /// What lasts only as long as somebody says so.
    case renew
    case compensate(asks: Bool)
  }

  public enum Result: Hashable, Sendable {
    case passed(String)
    /// `happened`: what must be undone. Nil: nobody can tell.
    case failed(String, happened: Bool?)
  }

  public enum Event: Sendable {
    case begin
    /// The version is in the store; the write began at this time.
    case stored(version: Int, began: MonotonicTime)
    case ended(step: Int, work: Work, attempt: Int64, result: Result, facts: [String: String], evidence: [String: String])
    case decided(RunRecord.Decision)
    /// What steps have noted so far. It goes with the next version that is stored.
    case noted(facts: [String: String])
    case abort
    /// Another runner holds the run.
    case lost(to: String)
    case tick
  }

  public enum Directive: Hashable, Sendable {
    case store(version: Int)
    case start(step: Int, work: Work, attempt: Int64)
    case interrupt(step: Int)
    /// Something is due then, at the latest.
    case wake(at: MonotonicTime)
    /// Everything is over. The end is in `record`, and asked to be stored.
    case finish
    /// Stop at once and write nothing.
    case giveUp(to: String)
  }

  enum Activity: Hashable, Sendable {
    case idle
    case awaitingDecision(until: MonotonicTime)
    /// Until the store holds the intent; what gives back goes on without it after `patience`.
    case awaitingStore(version: Int, work: Work, patience: MonotonicTime)
    case working(Work, until: MonotonicTime)
    case pausing(until: MonotonicTime)
  }

  struct Live: Sendable {
    var activity: Activity = .idle
    var failures: Int = 0
    var isApproved: Bool = false
    var isChecked: Bool = false
    var renewal: Renewal?
  }

  public let plan: RunPlan
  public internal(set) var record: RunRecord
  public let holder: String
  public let lease: Duration
  /// Somebody set `spec.abort`.
  public internal(set) var isAborted: Bool = false
  var live: [Live]
  /// Counts changes of the record; the newest that is stored; the newest that was asked to be.
  var version: Int = 0
  var stored: Int = 0
  var asked: Int = 0
  var storedBegan: MonotonicTime?
  var isTaken: Bool = false
  var hasEnded: Bool = false
  private var wall = WallTime(secondsSince1970: 0)

  /// - Parameter record: what the store holds of the run; steps that began under another runner are asked about.
  public init(_ plan: RunPlan, record: RunRecord? = nil, holder: String, lease: Duration) {
    self.plan = plan
    self.record = record ?? RunRecord(plan)
    self.holder = holder
    self.lease = lease
    live = plan.steps.map { _ in Live() }
  }

  public mutating func on(_ event: Event, at now: MonotonicTime, wall: WallTime) -> [Directive] {
    self.wall = wall
    var out: [Directive] = []
    guard !hasEnded else { return out }
    switch event {
    case .begin: begin()
    case .stored(let version, let began): onStored(version, began, now, &out)
    case .ended(let step, let work, let attempt, let result, let facts, let evidence):
      onEnded(step, work, attempt, result, facts, evidence, now)
    case .decided(let decision): onDecision(decision)
    case .noted(let facts): record.facts.merge(facts) { _, new in new }
    case .abort: isAborted = true
    case .lost(let other):
      hasEnded = true
      for index in live.indices { if case .working = live[index].activity { out.append(.interrupt(step: index)) } }
      return out + [.giveUp(to: other)]
    case .tick: onTick(now, &out)
    }
    if isTaken { advance(now, &out) }
    renewHeld(now, &out)
    renew(now)
    if version > asked {
      asked = version
      out.append(.store(version: version))
    }
    if hasEnded { out.append(.finish) } else if let next: MonotonicTime = nextDue { out.append(.wake(at: next)) }
    return out
  }

  // MARK: What happened

  /// The run is this runner's from the version on that says so.
  private mutating func begin() {
    record.runner = RunRecord.Runner(holder: holder, epoch: record.runner.epoch + 1, renewedAt: wall, lease: lease)
    if record.startedAt == nil { record.startedAt = wall }
    if record.phase == .pending { record.phase = .running }
    change()
  }

  private mutating func onStored(_ version: Int, _ began: MonotonicTime, _ now: MonotonicTime, _ out: inout [Directive]) {
    stored = max(stored, version)
    storedBegan = max(storedBegan ?? began, began)
    if !isTaken {
      isTaken = true
      takeUp(now)
    }
    for index in live.indices {
      guard case .awaitingStore(let wanted, let work, _) = live[index].activity, stored >= wanted else { continue }
      // It slept: who knows who holds the run by now. The store is asked again.
      guard now - began < lease else {
        change()
        live[index].activity = .awaitingStore(version: self.version, work: work, patience: now + DrillLimits.undoPatience)
        continue
      }
      start(index, work, now, &out)
    }
  }

  /// What a runner before left.
  private mutating func takeUp(_ now: MonotonicTime) {
    for (index, step) in record.steps.enumerated() {
      switch step.phase {
      case .intended:
        let isWanted: Bool = !isUnwinding || plan.steps[index].always
        live[index].activity = .awaitingStore(version: stored, work: isWanted ? .perform(asks: true) : .ask, patience: now)
      case .compensating: live[index].activity = .awaitingStore(version: stored, work: .compensate(asks: true), patience: now)
      case .running, .retrying: record.steps[index].phase = .pending
      case .completed where plan.steps[index].isSustained && !isEnded(index) && !isUnwinding:
        live[index].activity = .awaitingStore(version: stored, work: .restore, patience: now)
      default: break
      }
      // Whoever approved a step approved it for the next runner too.
      if step.order > 0 { live[index].isApproved = true }
    }
    for decision in record.decisions { count(decision) }
  }

  private mutating func onEnded(
    _ index: Int, _ work: Work, _ attempt: Int64, _ result: Result, _ facts: [String: String], _ evidence: [String: String],
    _ now: MonotonicTime
  ) {
    if work == .renew { return onRenewed(index, result, now) }
    guard case .working(let current, _) = live[index].activity, current == work, attempt == record.steps[index].attempts else { return }
    for (name, value) in facts { record.facts[name] = value }
    for (name, value) in evidence { record.steps[index].evidence[name] = value }
    settle(index, work, result, now)
  }

  private mutating func onDecision(_ decision: RunRecord.Decision) {
    guard !record.decisions.contains(where: { $0.step == decision.step && $0.user == decision.user }),
      let index: Int = plan.steps.firstIndex(where: { $0.id == decision.step }),
      plan.steps[index].approval?.roles.contains(decision.role) == true, record.steps[index].phase == .waiting
    else { return }
    record.decisions.append(decision)
    change()
    count(decision)
  }

  private mutating func count(_ decision: RunRecord.Decision) {
    guard let index: Int = plan.steps.firstIndex(where: { $0.id == decision.step }), let approval = plan.steps[index].approval,
      record.steps[index].phase == .waiting
    else { return }
    guard decision.approves else {
      let why: String = decision.comment.isEmpty ? "" : ": \(decision.comment)"
      fail(index, "\(decision.user) (\(decision.role)) refused it\(why)")
      return
    }
    let people: Set<String> = Set(record.decisions.filter { $0.step == decision.step && $0.approves }.map(\.user))
    live[index].isApproved = people.count >= approval.needed
    if live[index].isApproved { live[index].activity = .idle }
  }

  private mutating func onTick(_ now: MonotonicTime, _ out: inout [Directive]) {
    for index in live.indices {
      switch live[index].activity {
      case .pausing(let until) where now >= until: live[index].activity = .idle
      case .awaitingDecision(let until) where now >= until:
        let count: Int = record.decisions.count { $0.step == plan.steps[index].id && $0.approves }
        let needed: Int = plan.steps[index].approval?.needed ?? 0
        fail(index, "\(count) of \(needed) approvals came within \(plan.steps[index].approval?.timeout.runbookText ?? "")")
      case .awaitingStore(_, let work, let patience) where now >= patience && isTaken:
        guard isGivingBack(index, work) else {
          record.steps[index].order = 0
          fail(index, "its intent could not be stored in time, so it was not begun")
          continue
        }
        start(index, work, now, &out)
      case .working(let work, let until) where now >= until:
        out.append(.interrupt(step: index))
        let effect: ActionDescription.Effect = plan.steps[index].effect
        settle(index, work, .failed("it did not end in time", happened: effect == .changes && work != .check ? nil : false), now)
      default: break
      }
    }
  }

  // MARK: What follows

  mutating func change() { version += 1 }

  /// Every change renews the lease; without one it is renewed at a quarter of it.
  private mutating func renew(_ now: MonotonicTime) {
    record.runner.renewedAt = wall
    guard isTaken, !hasEnded, stored == asked, version == asked, let storedBegan, now - storedBegan >= lease / 4 else { return }
    change()
  }

  mutating func start(_ index: Int, _ work: Work, _ now: MonotonicTime, _ out: inout [Directive]) {
    let call: Runbook.Call = plan.steps[index].call
    let timeout: Duration =
      switch work {
      case .check: plan.steps[index].preconditions.map(\.timeout).reduce(.zero, +)
      case .perform, .restore, .ask, .renew: call.timeout
      case .compensate: plan.steps[index].compensation?.timeout ?? call.timeout
      }
    live[index].activity = .working(work, until: now + timeout + DrillLimits.stepGrace)
    out.append(.start(step: index, work: work, attempt: record.steps[index].attempts))
  }

  /// The outcome of a step's work.
  private mutating func settle(_ index: Int, _ work: Work, _ result: Result, _ now: MonotonicTime) {
    live[index].activity = .idle
    switch (work, result) {
    case (.check, .passed): live[index].isChecked = true
    case (.check, .failed(let reason, _)): retryOrFail(index, reason, now, happened: record.steps[index].order > 0)
    case (.ask, .passed(let message)):
      record.steps[index].phase = .completed
      record.steps[index].finishedAt = wall
      record.steps[index].message = message
      change()
    case (.ask, .failed(let reason, let happened)):
      if happened == false {
        record.steps[index].phase = .skipped
        record.steps[index].order = 0
        record.steps[index].message = "it had not happened when the run was to end"
        change()
      } else {
        fail(index, "\(reason); whether it happened is unknown")
      }
    case (.restore, .passed), (.renew, _): break
    case (.restore, .failed(let reason, _)): fail(index, "its session could not be begun anew: \(reason)")
    case (.perform, .passed(let message)):
      record.steps[index].phase = .completed
      record.steps[index].finishedAt = wall
      record.steps[index].message = message
      change()
    case (.perform, .failed(let reason, let happened)):
      // Nobody can tell: trying again could make it happen twice.
      if happened == nil, plan.steps[index].effect == .changes {
        fail(index, "\(reason); whether it happened is unknown")
      } else {
        retryOrFail(index, reason, now, happened: happened ?? false)
      }
    case (.compensate, .passed(let message)):
      record.steps[index].phase = .compensated
      record.steps[index].message += (record.steps[index].message.isEmpty ? "" : "; ") + "undone: \(message)"
      change()
    case (.compensate, .failed(let reason, _)):
      live[index].failures += 1
      if live[index].failures < plan.steps[index].retry.attempts {
        live[index].activity = .pausing(until: now + plan.steps[index].retry.pause)
        return
      }
      record.steps[index].phase = .uncompensated
      record.steps[index].message += (record.steps[index].message.isEmpty ? "" : "; ") + "NOT undone: \(reason)"
      change()
    }
  }

  private mutating func retryOrFail(_ index: Int, _ reason: String, _ now: MonotonicTime, happened: Bool) {
    live[index].failures += 1
    let retry: Runbook.Retry = plan.steps[index].retry
    guard live[index].failures < retry.attempts, !isUnwinding || plan.steps[index].always else {
      // What did not happen needs not be undone.
      if !happened { record.steps[index].order = 0 }
      fail(index, reason)
      return
    }
    record.steps[index].phase = .retrying
    record.steps[index].message = reason
    live[index].activity = .pausing(until: now + retry.pause)
    live[index].isChecked = false
    change()
  }

  mutating func fail(_ index: Int, _ reason: String) {
    live[index].activity = .idle
    live[index].failures = 0
    record.steps[index].phase = .failed
    record.steps[index].hasFailed = true
    record.steps[index].finishedAt = wall
    record.steps[index].message = reason
    change()
  }

  /// Sets a step's beginning down, under the number in which it is undone.
  mutating func setDown(_ index: Int, _ phase: RunRecord.StepPhase) {
    record.steps[index].phase = phase
    record.steps[index].attempts += 1
    if record.steps[index].startedAt == nil { record.steps[index].startedAt = wall }
    if record.steps[index].order == 0 { record.steps[index].order = (record.steps.map(\.order).max() ?? 0) + 1 }
    change()
  }

  mutating func begin(waiting index: Int) {
    if record.steps[index].startedAt == nil { record.steps[index].startedAt = wall }
    record.steps[index].phase = .waiting
    change()
  }

  mutating func end(_ phase: RunRecord.Phase, _ verdict: RunRecord.Verdict, _ message: String) {
    record.phase = phase
    record.verdict = verdict
    record.message = message
    record.finishedAt = wall
    record.runner.holder = ""
    hasEnded = true
    change()
  }

  func waited(_ index: Int) -> Duration {
    guard let since: WallTime = record.steps[index].startedAt else { return .zero }
    return max(.zero, .seconds(wall.secondsSince1970 - since.secondsSince1970))
  }
}
