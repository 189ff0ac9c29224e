import KubeModel
import Primitives

extension PodWorker {
  func stopContainer(_ name: String, _ id: String, _ grace: Duration) async {
    let began: MonotonicTime = context.clock.now()
    let hook: ProbeAction? = lifecycle.records.first { $0.blueprint.name == name }?.blueprint.preStop
    if let hook, grace > .zero, !context.runtime.isSimulated {
      let outcome: ProbeOutcome = await perform(hook, container: id, timeout: grace)
      if !outcome.succeeded { context.recorder.event(pod, .warning, reason: "FailedPreStopHook", message: outcome.message) }
    }
    // What the hook used is taken off; two seconds are always left (k8s: minimumGracePeriodInSeconds).
    let left: Duration = grace == .zero ? .zero : max(.seconds(2), grace - (context.clock.now() - began))
    let rest: Duration = min(left, max(grace, .zero))
    var pause: Duration = KubeletLimits.apiRetry
    var observation: ContainerObservation?
    while !Task.isCancelled {
      do {
        try await context.runtime.stopContainer(id, grace: rest)
        observation = await settled(id)
        if observation?.state != .running { break }
      } catch let error as KubeletError where error.code == .notFound {
        break
      } catch {
        context.logger.warning(
          "a container could not be stopped, trying again: \(error)", metadata: ["pod": "\(pod.key)", "container": "\(name)"])
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, KubeletLimits.apiRetryMost)
      }
    }
    guard !Task.isCancelled else { return }
    context.steps.stop.recordNanoseconds((context.clock.now() - began).inNanoseconds)
    apply(lifecycle.onContainerStopped(name, observation.map(withTerminationMessage), now: now))
  }

  /// Of a container that was told to stop. containerd answers for a process that has just died by itself (the fence's SIGKILL) before its
  /// own record says so; what still runs after a while was not stopped.
  private func settled(_ id: String) async -> ContainerObservation? {
    var observation: ContainerObservation?
    for _ in 0..<KubeletLimits.stopLooks {
      observation = try? await context.runtime.containerStatus(id)
      guard observation?.state == .running else { break }
      try? await Task.sleep(for: KubeletLimits.stopLook)
    }
    return observation
  }

  /// What the container wrote to its `terminationMessagePath`.
  func withTerminationMessage(_ container: ContainerObservation) -> ContainerObservation {
    guard container.message.isEmpty, !context.runtime.isSimulated else { return container }
    var container: ContainerObservation = container
    let path: String = ContainerFiles.terminationPath(context.volumes.podDirectory(uid), container.name, container.attempt)
    if let bytes: Bytes = Files.read(path, limit: KubeletLimits.terminationMessageBytes) { container.message = bytes.text }
    if container.message.isEmpty, container.exitCode != 0, fallsBackToLogs(container.name) {
      container.message = ContainerLog.end(
        of: "\(context.builder(pod).logDirectory)/\(container.name)/\(container.attempt).log", lines: KubeletLimits.terminationLogLines,
        bytes: KubeletLimits.terminationLogBytes)
    }
    return container
  }

  private func fallsBackToLogs(_ name: String) -> Bool {
    (pod.spec["initContainers"].array + pod.spec["containers"].array)
      .contains { $0["name"].string == name && $0["terminationMessagePolicy"].string == "FallbackToLogsOnError" }
  }

  /// Runs a hook, or a probe that needs the runtime.
  func perform(_ action: ProbeAction, container: String, timeout: Duration) async -> ProbeOutcome {
    switch action {
    case .exec(let command):
      do {
        let result: ExecResult = try await context.runtime.execute(in: container, command, timeout: timeout)
        return ProbeOutcome(succeeded: result.exitCode == 0, message: result.exitCode == 0 ? "" : String(result.output.prefix(1_000)))
      } catch {
        return ProbeOutcome(succeeded: false, message: Self.sentence(error))
      }
    case .sleep(let duration):
      try? await Task.sleep(for: min(duration, timeout))
      return ProbeOutcome(succeeded: true, message: "")
    default:
      let address: String = lifecycle.podAddress.isEmpty ? context.configuration.address : lifecycle.podAddress
      return await context.prober.probe(action, address: address, timeout: timeout)
    }
  }
}
