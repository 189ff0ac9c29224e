import Primitives

/// The prepared sandboxes of one host, as a value: which are free, which pod has which, what to make and what to remove.
struct WarmPool: Sendable {
  struct Prepared: Hashable, Sendable {
    var id: String
    /// The sandbox's own, which no pod has.
    var uid: String
    var digest: String
    /// When this kubelet knew of it; an older observation need not show it.
    var since: MonotonicTime
  }
  private(set) var free: [String: Prepared] = [:]
  /// By the sandbox's id: it, and the uid of the pod that has it.
  private(set) var taken: [String: (prepared: Prepared, pod: String)] = [:]
  /// Being removed, or removed since.
  private var gone: [String: MonotonicTime] = [:]

  mutating func onMade(_ prepared: Prepared) { free[prepared.id] = prepared }

  /// The pod takes one over. It is not given to another, whatever becomes of it.
  mutating func take(digest: String, pod: String) -> Prepared? {
    let candidates: [Prepared] = free.values.filter { $0.digest == digest }
    guard let chosen: Prepared = candidates.min(by: { ($0.since, $0.id) < ($1.since, $1.id) }) else { return nil }
    free[chosen.id] = nil
    taken[chosen.id] = (chosen, pod)
    return chosen
  }

  mutating func onDiscarded(_ id: String, now: MonotonicTime) {
    free[id] = nil
    taken[id] = nil
    gone[id] = now
  }

  /// How many of each digest are missing, and which are too many. With nothing wanted everything free goes.
  func plan(_ wanted: [String: Int]) -> (make: [String: Int], discard: [Prepared]) {
    var make: [String: Int] = wanted.filter { $0.value > 0 }
    var discard: [Prepared] = []
    for prepared in free.values.sorted(by: { ($0.since, $0.id) < ($1.since, $1.id) }) {
      let left: Int = make[prepared.digest] ?? 0
      if left > 0 { make[prepared.digest] = left == 1 ? nil : left - 1 } else { discard.append(prepared) }
    }
    return (make, discard)
  }

  /// Prepared sandboxes as the runtime lists them, each with the pod whose containers run in it. What an earlier kubelet left is found
  /// here: with containers it is that pod's, without it is free. Returns what went away behind our back.
  mutating func onObserved(_ sandboxes: [(sandbox: SandboxObservation, pod: String?)], takenAt: MonotonicTime) -> [Prepared] {
    gone = gone.filter { $0.value >= takenAt }
    var present: Set<String> = []
    for (sandbox, pod) in sandboxes {
      guard let digest: String = sandbox.prepared, gone[sandbox.id] == nil else { continue }
      let known = Prepared(id: sandbox.id, uid: sandbox.podUID, digest: digest, since: takenAt)
      if sandbox.ready || taken[sandbox.id] != nil || pod != nil { present.insert(sandbox.id) }
      guard free[sandbox.id] == nil, taken[sandbox.id] == nil else { continue }
      if let pod { taken[sandbox.id] = (known, pod) } else { free[sandbox.id] = known }
    }
    let lost: [Prepared] = (Array(free.values) + taken.values.map(\.prepared)).filter { $0.since < takenAt && !present.contains($0.id) }
    for prepared in lost {
      free[prepared.id] = nil
      taken[prepared.id] = nil
    }
    return lost
  }
}
