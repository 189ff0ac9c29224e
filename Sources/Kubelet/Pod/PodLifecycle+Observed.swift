import Primitives

extension PodLifecycle {
  /// What the runtime has, from its lists. Older than the last operation's end: dropped, the next one tells.
  public mutating func onObserved(_ observation: PodObservation, now: Reading) -> [PodDirective] {
    guard observation.takenAt >= lastChange, !ended else { return [] }
    var changed: Bool = false
    if sandboxOperation == .none {
      if let own: SandboxObservation = sandbox {
        let seen: SandboxObservation? = observation.sandboxes.first { $0.id == own.id }
        if seen == nil {
          // Removed behind our back; its containers are gone with it.
          sandbox = nil
          changed = true
        } else if own.ready, seen?.ready == false {
          sandbox?.ready = false
          pendingEvents.append(.normal("SandboxChanged", "Pod sandbox changed, it will be killed and re-created."))
          changed = true
        }
      }
      let known: Set<String> = Set(staleSandboxes + [sandbox?.id].compactMap { $0 })
      let strangers: [String] = observation.sandboxes.map(\.id).filter { !known.contains($0) }
      if !strangers.isEmpty {
        staleSandboxes += strangers
        changed = true
      }
    }
    for index in records.indices where records[index].isRunning && records[index].operation == .none {
      guard let id: String = records[index].current?.id else { continue }
      let seen: ContainerObservation? = observation.containers.first { $0.id == id }
      guard seen?.state != .running else { continue }
      exit(index, seen, now: now)
      changed = true
    }
    return changed ? advance(now) : []
  }

  /// The current instance has ended, or vanished.
  mutating func exit(_ index: Int, _ observation: ContainerObservation?, now: Reading) {
    guard var ended: ContainerObservation = observation ?? records[index].current else { return }
    if observation == nil || ended.state == .running {
      ended.state = .exited
      ended.exitCode = 137
      ended.reason = "ContainerStatusUnknown"
      ended.message = "The container could not be located when the pod was terminated"
      ended.finishedAt = now.wall.secondsSince1970 * 1_000_000_000 + Int64(now.wall.nanoseconds)
    }
    records[index].current = ended
    records[index].exitSeenAt = now.monotonic
    records[index].assumedReady = false
    pendingProbes.append(.stopProbes(name: ended.name))
  }
}
