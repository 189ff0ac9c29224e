import Primitives

/// Which pod comes next, and which wait for what. Pure.
///
///     add ─▶ ready ──pop──▶ in flight ──bound──▶ gone
///              ▲                │ unschedulable
///     backoff over              ▼
///     backoff ◀── something that could help ── waiting ──60 s──▶ ready
struct SchedulingQueue: Sendable {
  private enum Place: Hashable, Sendable {
    case ready
    case backoff(until: MonotonicTime)
    case waiting(since: MonotonicTime, for: Set<Refusal.Kind>)
    case inFlight
  }
  private struct Entry: Sendable {
    var pod: PodInfo
    var place: Place
    var number: Int64
    var attempts: Int = 0
    var failedAt: MonotonicTime?
    /// What happened while it was in flight.
    var meanwhile: Set<Refusal.Kind> = []
  }
  private struct Turn: Comparable, Sendable {
    var priority: Int64
    var number: Int64
    var key: String
    /// Higher priority first, then who came first.
    static func < (left: Self, right: Self) -> Bool { (-left.priority, left.number) < (-right.priority, right.number) }
  }
  private var entries: [String: Entry] = [:]
  /// Ready pods in order; those that left are skipped when their turn comes.
  private var turns: Heap<Turn> = Heap()
  private var nextNumber: Int64 = 0

  var counts: (ready: Int, backoff: Int, waiting: Int) {
    entries.values.reduce(into: (0, 0, 0)) { counts, entry in
      switch entry.place {
      case .ready: counts.0 += 1
      case .backoff: counts.1 += 1
      case .waiting: counts.2 += 1
      case .inFlight: break
      }
    }
  }

  /// A pod without a node. A new version of a waiting pod is tried again: its own change may help.
  mutating func add(_ pod: PodInfo, now: MonotonicTime) {
    guard var entry: Entry = entries[pod.key], entry.pod.uid == pod.uid else {
      nextNumber += 1
      entries[pod.key] = Entry(pod: pod, place: .ready, number: nextNumber)
      pushTurn(pod.key)
      return
    }
    let sameWish: Bool = entry.pod.object.spec == pod.object.spec && entry.pod.labels == pod.labels
    entry.pod = pod
    entries[pod.key] = entry
    if case .waiting = entry.place, !sameWish { release(pod.key, now: now) }
  }

  mutating func remove(_ key: String) { entries[key] = nil }

  mutating func pop() -> PodInfo? {
    while let turn: Turn = turns.pop() {
      guard var entry: Entry = entries[turn.key], entry.place == .ready, entry.number == turn.number else { continue }
      entry.place = .inFlight
      entry.attempts += 1
      entry.meanwhile = []
      entries[turn.key] = entry
      return entry.pod
    }
    return nil
  }

  /// No node now. What happened since it was popped may have helped already.
  mutating func onUnschedulable(_ key: String, kinds: Set<Refusal.Kind>, now: MonotonicTime) {
    guard var entry: Entry = entries[key] else { return }
    entry.failedAt = now
    entry.place = .waiting(since: now, for: kinds)
    entries[key] = entry
    if !entry.meanwhile.isDisjoint(with: kinds) { release(key, now: now) }
  }

  /// The attempt went wrong for another reason: again, after the backoff.
  mutating func onFailed(_ key: String, now: MonotonicTime) {
    guard entries[key] != nil else { return }
    entries[key]?.failedAt = now
    release(key, now: now)
  }

  /// Something happened that could let pods in that were refused for one of `kinds`.
  mutating func onChange(_ kinds: Set<Refusal.Kind>, now: MonotonicTime) {
    for (key, entry) in entries {
      switch entry.place {
      case .waiting(_, let waitsFor): if !waitsFor.isDisjoint(with: kinds) { release(key, now: now) }
      case .inFlight: entries[key]?.meanwhile.formUnion(kinds)
      case .ready, .backoff: continue
      }
    }
  }

  /// A node has one pod less to start: the first of those that wait for that gets its turn, without a pause.
  mutating func onStarted() {
    var first: (key: String, turn: Turn)?
    for (key, entry) in entries {
      switch entry.place {
      case .waiting(_, let waitsFor) where waitsFor.contains(.starting):
        let turn = Turn(priority: entry.pod.priority, number: entry.number, key: key)
        if first.map({ turn < $0.turn }) ?? true { first = (key, turn) }
      case .inFlight: entries[key]?.meanwhile.insert(.starting)
      case .ready, .backoff, .waiting: continue
      }
    }
    guard let key: String = first?.key else { return }
    entries[key]?.attempts = 0
    ready(key)
  }

  /// Another center became active: everybody is tried at once, with nothing held against them.
  mutating func onCenterChange() {
    for (key, entry) in entries where entry.place != .inFlight && entry.place != .ready {
      entries[key]?.attempts = 0
      entries[key]?.place = .ready
      pushTurn(key)
    }
    for (key, entry) in entries where entry.place == .inFlight { entries[key]?.meanwhile.insert(.center) }
  }

  /// Lets out whose time has come. Returns when to call again, nil if nobody waits for a time.
  mutating func onTick(_ now: MonotonicTime) -> MonotonicTime? {
    var next: MonotonicTime?
    for (key, entry) in entries {
      switch entry.place {
      case .backoff(let until):
        if until <= now { ready(key) } else { next = min(next ?? until, until) }
      case .waiting(let since, _):
        let until: MonotonicTime = since + .seconds(SchedulerLimits.unschedulableSeconds)
        if until <= now { ready(key) } else { next = min(next ?? until, until) }
      case .ready, .inFlight: continue
      }
    }
    return next
  }

  static func backoff(attempts: Int) -> Duration {
    let doubled: Int64 = SchedulerLimits.firstBackoffMilliseconds << Int64(min(max(attempts - 1, 0), 20))
    return .milliseconds(min(doubled, SchedulerLimits.longestBackoffMilliseconds))
  }

  private mutating func release(_ key: String, now: MonotonicTime) {
    guard let entry: Entry = entries[key] else { return }
    let until: MonotonicTime = (entry.failedAt ?? now) + Self.backoff(attempts: entry.attempts)
    if until <= now { ready(key) } else { entries[key]?.place = .backoff(until: until) }
  }

  private mutating func ready(_ key: String) {
    guard entries[key] != nil else { return }
    entries[key]?.place = .ready
    pushTurn(key)
  }

  /// A pod that becomes ready again keeps its number, so it does not lose its place to later ones.
  private mutating func pushTurn(_ key: String) {
    guard let entry: Entry = entries[key] else { return }
    turns.push(Turn(priority: entry.pod.priority, number: entry.number, key: key))
  }
}
