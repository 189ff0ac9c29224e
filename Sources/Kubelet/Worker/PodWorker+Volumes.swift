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
  /// Where the runtime writes what the container says; nil for a container that the pod does not have or that never ran.
  func logFile(_ container: String, previous: Bool) -> String? {
    guard let record: ContainerRecord = lifecycle.records.first(where: { $0.blueprint.name == container }) else { return nil }
    guard let instance: ContainerObservation = previous ? record.previous : record.current ?? record.previous else { return nil }
    let directory: String = ConfigurationBuilder(settings: context.configuration, pod: pod).logDirectory
    return "\(directory)/\(container)/\(instance.attempt).log"
  }
}
