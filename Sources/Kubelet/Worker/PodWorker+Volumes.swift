import KubeModel
import Primitives

extension PodWorker {
  func payload(_ fields: FieldReference) -> VolumePayload {
    VolumePayload(fields: fields, resources: context.resources, references: context.references)
  }

  func volumes(payload: VolumePayload) async throws -> [String: String] {
    if let volumePaths { return volumePaths }
    let began: MonotonicTime = context.clock.now()
    let paths: [String: String] = try await context.volumes.prepare(pod, payload: payload)
    context.steps.volumes.recordNanoseconds((context.clock.now() - began).inNanoseconds)
    volumePaths = paths
    return paths
  }

  /// ConfigMaps and Secrets change under running containers.
  func refreshVolumes() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: KubeletLimits.volumeRefresh)
      guard !Task.isCancelled, !lifecycle.hasEnded else { return }
      guard volumePaths != nil, lifecycle.stopGrace == nil, lifecycle.completed == nil else { continue }
      let fields = FieldReference(
        pod: pod, nodeName: context.configuration.hostName.value, hostAddress: context.configuration.address,
        podAddress: lifecycle.podAddress)
      do {
        try await context.volumes.refresh(pod, payload: payload(fields))
      } catch {
        // The old files stay: a ConfigMap that was deleted under a running pod does not take its files away.
        context.logger.debug("volumes keep their files: \(error)", metadata: ["pod": "\(pod.key)"])
      }
    }
  }
}

extension PodWorker {
  func runningContainer(_ name: String) -> String? {
    lifecycle.records.first { $0.blueprint.name == name && $0.isRunning }?.current?.id
  }

  func runningLogs() -> [(path: String, container: String)] {
    guard !context.runtime.isSimulated else { return [] }
    let directory: String = context.builder(pod).logDirectory
    return lifecycle.records.compactMap { record in
      guard record.isRunning, let current: ContainerObservation = record.current else { return nil }
      return ("\(directory)/\(record.blueprint.name)/\(current.attempt).log", current.id)
    }
  }

  /// Why there is no log, in the words that people search for; nil where there is one.
  func logObstacle(_ container: String, previous: Bool) -> String? {
    guard let record: ContainerRecord = lifecycle.records.first(where: { $0.blueprint.name == container }) else {
      return "container \(container) is not valid for pod \(pod.name)"
    }
    if previous {
      return record.previous == nil ? "previous terminated container \"\(container)\" in pod \"\(pod.name)\" not found" : nil
    }
    guard record.current == nil, record.previous == nil else { return nil }
    let why: String = record.waiting?.reason ?? (lifecycle.isInitialized ? "ContainerCreating" : "PodInitializing")
    return "container \"\(container)\" in pod \"\(pod.name)\" is waiting to start: \(why)"
  }

  func isRunning(_ container: String) -> Bool { lifecycle.records.contains { $0.blueprint.name == container && $0.isRunning } }

  /// Where the runtime writes what the container says; nil for a container that the pod does not have or that never ran.
  func logFile(_ container: String, previous: Bool) -> String? {
    guard let record: ContainerRecord = lifecycle.records.first(where: { $0.blueprint.name == container }) else { return nil }
    guard let instance: ContainerObservation = previous ? record.previous : record.current ?? record.previous else { return nil }
    let directory: String = context.builder(pod).logDirectory
    return "\(directory)/\(container)/\(instance.attempt).log"
  }
}
