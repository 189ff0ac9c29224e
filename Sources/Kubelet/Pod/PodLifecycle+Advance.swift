import Primitives

extension PodLifecycle {
  /// Compares what is with what is wanted.
  mutating func advance(_ now: Reading) -> [PodDirective] {
    guard !ended else { return [] }
    var out: [PodDirective] = []
    checkDeadline(now)
    if let grace: Duration = stopGrace {
      stopAll(grace: grace, &out)
    } else if completed != nil {
      reclaim(&out)
    } else if refusal == nil, sandboxUsable(now, &out) {
      startContainers(now, &out)
      if completed != nil { reclaim(&out) }
    }
    if !surplusContainers.isEmpty {
      out.append(.removeContainers(surplusContainers))
      surplusContainers = []
    }
    out += pendingProbes
    pendingProbes = []
    out += pendingEvents.map { .record($0) }
    pendingEvents = []
    publish(now, &out)
    finish(now, &out)
    if let at: MonotonicTime = nextWake(now) { out.append(.wake(after: at - now.monotonic)) }
    return out
  }

  // MARK: Stopping

  private mutating func stopAll(grace: Duration, _ out: inout [PodDirective]) {
    let reason: String = fenced ?? "Stopping container"
    let mainAlive: Bool = records.contains { !$0.blueprint.isSidecar && ($0.isRunning || $0.operation == .starting) }
    var alive: Bool = false
    for index in records.indices where records[index].isRunning || records[index].operation != .none {
      alive = true
      // Sidecars serve the containers until these have ended.
      if records[index].blueprint.isSidecar, mainAlive, grace > .zero { continue }
      stop(index, grace: grace, reason: reason, &out)
    }
    guard !alive else { return }
    discard(staleSandboxes + [sandbox?.id].compactMap { $0 }, &out)
  }

  mutating func stop(_ index: Int, grace: Duration, reason: String, _ out: inout [PodDirective]) {
    guard records[index].isRunning, let id: String = records[index].current?.id else { return }
    switch records[index].operation {
    case .starting: return  // its answer leads here again
    case .stopping(let granted) where granted <= grace: return
    case .stopping: break
    case .none:
      let name: String = records[index].blueprint.name
      let message: String = reason == "Stopping container" ? "Stopping container \(name)" : reason
      pendingEvents.append(.normal("Killing", message, container: name))
    }
    records[index].operation = .stopping(grace: grace)
    out.append(.stopContainer(name: records[index].blueprint.name, id: id, grace: grace, reason: reason))
  }

  private mutating func discard(_ ids: [String], _ out: inout [PodDirective]) {
    guard sandboxOperation == .none, !ids.isEmpty else { return }
    sandboxOperation = .discarding
    out.append(.discardSandboxes(ids))
  }

  /// The pod ran to its end. Its network is given back; since removing the sandbox takes the containers' logs' owner with it, the
  /// sandbox goes only after every container has ended, and the status keeps what they said.
  private mutating func reclaim(_ out: inout [PodDirective]) {
    var alive: Bool = false
    for index in records.indices where records[index].isRunning || records[index].operation != .none {
      alive = true
      stop(index, grace: failure?.grace ?? blueprint.grace, reason: "Stopping container", &out)
    }
    guard !alive else { return }
    discard(staleSandboxes + [sandbox?.id].compactMap { $0 }, &out)
  }

  /// The moment, by the wall clock, after which the pod may not be active any more.
  private var deadlineAt: WallTime? {
    guard let seconds: Duration = blueprint.activeDeadline, let since = WallTime(rfc3339: startTime) else { return nil }
    return WallTime(secondsSince1970: since.secondsSince1970 + seconds.components.seconds, nanoseconds: since.nanoseconds)
  }
  private mutating func checkDeadline(_ now: Reading) {
    guard completed == nil, stopGrace == nil, let at: WallTime = deadlineAt, at <= now.wall else { return }
    fail(.deadlineExceeded)
  }

  // MARK: Starting

  private mutating func sandboxUsable(_ now: Reading, _ out: inout [PodDirective]) -> Bool {
    if let own: SandboxObservation = sandbox, !own.ready {
      var alive: Bool = false
      for index in records.indices where records[index].isRunning || records[index].operation != .none {
        alive = true
        stop(index, grace: .zero, reason: "The pod's sandbox died", &out)
      }
      guard !alive else { return false }
      staleSandboxes.append(own.id)
      sandbox = nil
    }
    concludeIfDone()
    guard completed == nil else {
      reclaim(&out)
      return false
    }
    guard staleSandboxes.isEmpty else {
      discard(staleSandboxes, &out)
      return false
    }
    guard sandbox == nil else { return true }
    guard sandboxOperation == .none, (sandboxRetryAt ?? now.monotonic) <= now.monotonic else { return false }
    sandboxOperation = .starting
    out.append(.startSandbox(attempt: sandboxAttempt))
    return false
  }

  private mutating func startContainers(_ now: Reading, _ out: inout [PodDirective]) {
    let begun: Bool = records.dropFirst(initCount).contains { $0.current != nil || $0.operation != .none }
    for index in 0..<initCount {
      let sidecar: Bool = records[index].blueprint.isSidecar
      if begun, !sidecar { continue }
      if records[index].succeeded, !sidecar { continue }
      if records[index].hasExited, !records[index].wantsRestart(blueprint.restartPolicy) {
        completed = "Failed"
        return
      }
      consider(index, now, &out)
      if !begun, !(sidecar && records[index].isStarted) { return }
    }
    for index in initCount..<records.count { consider(index, now, &out) }
    concludeIfDone()
  }

  /// No container will run again: Succeeded when all ended with 0, otherwise Failed.
  private mutating func concludeIfDone() {
    let main: ArraySlice<ContainerRecord> = records.dropFirst(initCount)
    let policy: PodBlueprint.RestartPolicy = blueprint.restartPolicy
    guard completed == nil, !main.isEmpty,
      main.allSatisfy({ $0.hasExited && $0.operation == .none && !$0.wantsRestart(policy) })
    else { return }
    completed = main.allSatisfy(\.succeeded) ? "Succeeded" : "Failed"
  }

  private mutating func consider(_ index: Int, _ now: Reading, _ out: inout [PodDirective]) {
    guard records[index].operation == .none else { return }
    if let current: ContainerObservation = records[index].current {
      switch current.state {
      case .running:
        guard !current.image.isEmpty, current.image != records[index].blueprint.image else { return }
        records[index].restartWanted = true
        let name: String = records[index].blueprint.name
        stop(index, grace: blueprint.grace, reason: "Container \(name) definition changed, will be restarted", &out)
        return
      case .created: break  // made but never started, before a restart of this kubelet; the next attempt has a name of its own
      case .exited, .unknown:
        guard records[index].wantsRestart(blueprint.restartPolicy) else { return }
        guard mayRestart(index, now) else { return }
      }
      if let old: String = records[index].previous?.id { surplusContainers.append(old) }
      records[index].rotate()
    }
    if let retryAt: MonotonicTime = records[index].retryAt, retryAt > now.monotonic {
      if let waiting = records[index].waiting, waiting.reason == "ErrImagePull", now.monotonic - waiting.since >= .seconds(1) {
        let image: String = records[index].blueprint.image
        records[index].waiting = .init(
          reason: "ImagePullBackOff", message: "Back-off pulling image \"\(image)\": \(waiting.message)", since: waiting.since)
        pendingEvents.append(.normal("BackOff", "Back-off pulling image \"\(image)\"", container: records[index].blueprint.name))
      }
      return
    }
    records[index].operation = .starting
    out.append(.startContainer(name: records[index].blueprint.name, attempt: records[index].attempt))
  }

  private mutating func mayRestart(_ index: Int, _ now: Reading) -> Bool {
    let failedAt: MonotonicTime = records[index].exitSeenAt ?? now.monotonic
    if records[index].restartWanted { return true }
    guard records[index].crashes.earliest(afterFailureAt: failedAt) <= now.monotonic else {
      if records[index].waiting?.reason != "CrashLoopBackOff" {
        let name: String = records[index].blueprint.name
        let wait: Int64 = records[index].crashes.current.components.seconds
        let place: String = "container=\(name) pod=\(blueprint.name)_\(blueprint.namespace)(\(blueprint.uid))"
        records[index].waiting = .init(
          reason: "CrashLoopBackOff", message: "back-off \(wait)s restarting failed \(place)", since: now.monotonic)
        pendingEvents.append(.warning("BackOff", "Back-off restarting failed container \(name) in pod \(blueprint.name)", container: name))
      }
      return false
    }
    records[index].crashes.step(failedAt: failedAt, now: now.monotonic)
    return true
  }

  // MARK: Ending

  private mutating func finish(_ now: Reading, _ out: inout [PodDirective]) {
    guard gone || blueprint.deletion != nil, sandbox == nil, staleSandboxes.isEmpty, sandboxOperation == .none,
      !records.contains(where: { $0.isRunning || $0.operation != .none })
    else { return }
    if gone || deletion == .done {
      ended = true
      out.append(.finished)
      return
    }
    if case .retryAt(let at) = deletion, at > now.monotonic { return }
    guard deletion != .underWay else { return }
    deletion = .underWay
    out.append(.deleteObject)
  }

  private func nextWake(_ reading: Reading) -> MonotonicTime? {
    let now: MonotonicTime = reading.monotonic
    guard !ended else { return nil }
    var next: MonotonicTime?
    func consider(_ at: MonotonicTime?) {
      guard let at, at > now else { return }
      next = min(next ?? at, at)
    }
    if case .retryAt(let at) = deletion { consider(at) }
    guard stopGrace == nil, completed == nil else { return next }
    if let at: WallTime = deadlineAt { consider(now + reading.wall.duration(to: at)) }
    guard refusal == nil else { return next }
    if sandbox == nil { consider(sandboxRetryAt) }
    for record in records where record.operation == .none && !record.isRunning {
      consider(record.retryAt)
      if record.waiting?.reason == "ErrImagePull" { consider(record.waiting.map { $0.since + .seconds(1) }) }
      if record.hasExited, record.wantsRestart(blueprint.restartPolicy), let failedAt: MonotonicTime = record.exitSeenAt {
        consider(record.crashes.earliest(afterFailureAt: failedAt))
      }
    }
    return next
  }
}
