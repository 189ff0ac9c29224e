import KubeClient
import KubeModel
import Primitives
import Synchronization

/// ConfigMaps and Secrets by name, straight from the API, each remembered for a moment so that ten containers that start together
/// ask once. Upstream watches each object; here a host with a hundred pods keeps no watch for them.
final class ClientReferences: ReferenceSource {
  private struct Key: Hashable {
    var resource: ResourceName
    var namespace: String
    var name: String
  }
  private let client: KubeClient
  private let clock: any TimeSource
  private let kept: Mutex<[Key: (object: KubeObject?, until: MonotonicTime)]> = Mutex([:])
  static let keptFor: Duration = .seconds(1)
  static let keptAtMost: Int = 1_000

  init(client: KubeClient, clock: any TimeSource) {
    self.client = client
    self.clock = clock
  }

  func configMap(_ namespace: String, _ name: String) async throws -> KubeObject? { try await get(.configMaps, namespace, name) }
  func secret(_ namespace: String, _ name: String) async throws -> KubeObject? { try await get(.secrets, namespace, name) }

  private func get(_ resource: ResourceName, _ namespace: String, _ name: String) async throws -> KubeObject? {
    let key = Key(resource: resource, namespace: namespace, name: name)
    let now: MonotonicTime = clock.now()
    if let known = kept.withLock({ $0[key] }), known.until > now { return known.object }
    let object: KubeObject?
    do {
      object = try await client.find(resource, namespace: namespace, name: name)
    } catch let error as KubeError {
      throw KubeletError(.badConfiguration, "failed to get \(resource) \(namespace)/\(name): \(error.message)", cause: error)
    }
    kept.withLock { kept in
      if kept.count >= Self.keptAtMost { kept = kept.filter { $0.value.until > now } }
      // One that is missing is asked for again: the pod waits for it.
      if object != nil, kept.count < Self.keptAtMost { kept[key] = (object, now + Self.keptFor) }
    }
    return object
  }
}
