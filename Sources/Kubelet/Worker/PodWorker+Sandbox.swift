import KubeModel
import Primitives

extension PodWorker {
  func startSandbox(_ attempt: UInt32) async {
    let context: WorkerContext = context
    let configuration: SandboxConfiguration = context.builder(pod).sandbox(attempt: attempt)
    do {
      let began: MonotonicTime = context.clock.now()
      if attempt == 0, let prepared: SandboxObservation = try await adopt(configuration) {
        times.sandbox = context.clock.now() - began
        return apply(lifecycle.onSandboxStarted(prepared, now: now))
      }
      await context.warm?.giveWay()
      let status: SandboxObservation = try await context.sandboxSlots.with {
        if !context.runtime.isSimulated { try Files.makeDirectory(configuration.logDirectory, mode: 0o755) }
        let id: String = try await context.runtime.runSandbox(configuration)
        return try await context.runtime.sandboxStatus(id)
      }
      times.sandbox = context.clock.now() - began
      context.steps.sandbox.recordNanoseconds(times.sandbox.inNanoseconds)
      apply(lifecycle.onSandboxStarted(status, now: now))
    } catch is CancellationError {
      return
    } catch {
      apply(lifecycle.onSandboxFailed(Self.sentence(error), now: now))
    }
  }

  private func adopt(_ configuration: SandboxConfiguration) async throws -> SandboxObservation? {
    guard let prepared: SandboxObservation = await context.warm?.adopt(pod, builder: context.builder(pod)) else { return nil }
    if !context.runtime.isSimulated { try Files.makeDirectory(configuration.logDirectory, mode: 0o755) }
    context.recorder.event(pod, .normal, reason: "SandboxAdopted", message: "Took over a sandbox that was prepared for this workload")
    return prepared
  }

  /// Until it is done: a sandbox that stays would keep its address and its processes.
  func discardSandboxes(_ ids: [String]) async {
    var pause: Duration = KubeletLimits.apiRetry
    while !Task.isCancelled {
      do {
        for id in ids {
          try await context.runtime.stopSandbox(id)
          try await context.runtime.removeSandbox(id)
        }
        apply(lifecycle.onSandboxesDiscarded(ids, now: now))
        return
      } catch {
        context.logger.warning("a sandbox could not be removed, trying again: \(error)", metadata: ["pod": "\(pod.key)"])
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, KubeletLimits.apiRetryMost)
      }
    }
  }

  static func sentence(_ error: any Error) -> String { (error as? KubeletError)?.message ?? "\(error)" }
}
