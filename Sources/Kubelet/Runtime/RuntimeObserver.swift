import Logging
import Metrics
import Primitives
import Synchronization

/// Looks at the runtime again and again: two list calls for the whole host, never one per pod, and one `containerStatus` for each
/// container that has ended since, for its exit code. containerd 1.6 has no event stream (GetContainerEvents came with 1.7).
final class RuntimeObserver: Sendable {
  private let runtime: any ContainerRuntime
  private let clock: any TimeSource
  /// What an ended container said; it does not change any more.
  private let ended: Mutex<[String: ContainerObservation]> = Mutex([:])
  private let duration = Timer(label: "kubelet_runtime_list_seconds")

  init(runtime: any ContainerRuntime, clock: any TimeSource) {
    self.runtime = runtime
    self.clock = clock
  }

  /// Everything that the runtime has, by pod uid, and when it was asked: a pod that is missing had nothing at that moment.
  func observe() async throws -> (pods: [String: PodObservation], takenAt: MonotonicTime) {
    let began: MonotonicTime = clock.now()
    async let listed: [SandboxObservation] = runtime.listSandboxes()
    var containers: [ContainerObservation] = try await runtime.listContainers()
    let sandboxes: [SandboxObservation] = try await listed
    try await complete(&containers)
    var pods: [String: PodObservation] = [:]
    for sandbox in sandboxes { pods[sandbox.podUID, default: PodObservation(takenAt: began)].sandboxes.append(sandbox) }
    for container in containers { pods[container.podUID, default: PodObservation(takenAt: began)].containers.append(container) }
    duration.recordNanoseconds((clock.now() - began).inNanoseconds)
    return (pods, began)
  }

  private func complete(_ containers: inout [ContainerObservation]) async throws {
    var known: [String: ContainerObservation] = ended.withLock { $0 }
    var present: Set<String> = []
    for index in containers.indices where !containers[index].isAlive {
      let id: String = containers[index].id
      present.insert(id)
      if known[id] == nil {
        // Removed between the two calls: what the list said must do.
        known[id] = (try? await runtime.containerStatus(id)) ?? containers[index]
      }
      if let full: ContainerObservation = known[id] { containers[index] = full }
    }
    let kept: [String: ContainerObservation] = known.filter { present.contains($0.key) }
    ended.withLock { $0 = kept }
  }
}
