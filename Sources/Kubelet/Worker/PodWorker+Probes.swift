import Primitives

extension PodWorker {
  func startProbes(_ name: String, _ id: String) {
    guard let record: ContainerRecord = lifecycle.records.first(where: { $0.blueprint.name == name }) else { return }
    for probe in record.blueprint.probes { context.jobs.spawn { await self.probe(name, id, probe) } }
  }

  /// One loop per probe and instance. Ends when the instance is not the current one any more.
  private func probe(_ name: String, _ id: String, _ probe: ProbeBlueprint) async {
    let began: MonotonicTime = context.clock.now()
    if probe.initialDelay > .zero { try? await Task.sleep(for: probe.initialDelay) }
    // Until its first success a server that is just opening its port is asked again quickly; exec costs a process each time.
    var quick: Duration = KubeletLimits.eagerProbe
    if case .exec = probe.action { quick = quick * 5 }
    var eagerUntil: MonotonicTime = context.clock.now() + probe.period
    if probe.kind == .liveness { eagerUntil = began }
    while !Task.isCancelled, lifecycle.isCurrent(name, id: id) {
      guard lifecycle.mayProbe(name, id: id, kind: probe.kind) else {
        if probe.kind == .startup { return }  // passed, or the container is being killed
        try? await Task.sleep(for: KubeletLimits.eagerProbe)
        if probe.kind == .readiness { eagerUntil = context.clock.now() + probe.period }
        continue
      }
      let outcome: ProbeOutcome = await once(probe, id)
      guard !Task.isCancelled, lifecycle.isCurrent(name, id: id) else { return }
      if !outcome.succeeded, context.clock.now() < eagerUntil {
        try? await Task.sleep(for: quick)
        continue
      }
      eagerUntil = began
      apply(lifecycle.onProbe(name, id: id, kind: probe.kind, succeeded: outcome.succeeded, message: outcome.message, now: now))
      try? await Task.sleep(for: probe.period)
    }
  }

  private func once(_ probe: ProbeBlueprint, _ id: String) async -> ProbeOutcome {
    if context.runtime.isSimulated { return ProbeOutcome(succeeded: true, message: "") }
    return await perform(probe.action, container: id, timeout: probe.timeout)
  }
}
