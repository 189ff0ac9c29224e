import Federation
import KubeClient
import KubeModel
import Primitives

/// What was last seen of every kind, and when. A kind that cannot be read stays as it was and grows older: a page that shows nothing
/// because the apiserver has no majority would be dark exactly when people look at it.
struct ConsoleSources: Sendable {
  struct Look: Sendable {
    var items: [KubeObject] = []
    /// When the list that showed `items` was asked for; nil before the first one.
    var at: MonotonicTime?
    /// Why the newest attempt failed.
    var error: String?
  }

  static let kinds: [(resource: ResourceName, namespace: String)] = [
    (.centers, ""), (.clusters, ""), (.failovers, ""), (.nodes, ""), (.pods, ""), (.events, ""), (.leases, ActivationRecord.namespace),
  ]
  private(set) var looks: [ResourceName: Look] = [:]

  subscript(resource: ResourceName) -> [KubeObject] { looks[resource]?.items ?? [] }

  mutating func onListed(_ resource: ResourceName, _ items: [KubeObject], asked: MonotonicTime) {
    looks[resource] = Look(items: items, at: asked, error: nil)
  }
  mutating func onFailed(_ resource: ResourceName, _ reason: String) { looks[resource, default: Look()].error = reason }
}

/// Reads all kinds at once, at most every `ConsoleLimits.look`; whoever asks in between gets the same.
actor ConsoleReader {
  private let client: KubeClient
  private let clock: any TimeSource
  private var sources = ConsoleSources()
  private var lastBegan: MonotonicTime?
  private var running: Task<ConsoleSources, Never>?

  init(client: KubeClient, clock: any TimeSource) {
    var client: KubeClient = client
    client.requestTimeout = ConsoleLimits.patience
    client.followsRetryAfter = false
    self.client = client
    self.clock = clock
  }

  func look() async -> ConsoleSources {
    if let running { return await running.value }
    let now: MonotonicTime = clock.now()
    if let lastBegan, now - lastBegan < ConsoleLimits.look { return sources }
    lastBegan = now
    let task = Task { await read() }
    running = task
    sources = await task.value
    running = nil
    return sources
  }

  private func read() async -> ConsoleSources {
    var read: ConsoleSources = sources
    await withTaskGroup(of: (ResourceName, MonotonicTime, Result<[KubeObject], any Error>).self) { group in
      for (resource, namespace) in ConsoleSources.kinds {
        group.addTask { [client, clock] in
          let asked: MonotonicTime = clock.now()
          do {
            // "0": what the apiserver has in memory. Cheap, and there also without a majority.
            return (resource, asked, .success(try await client.list(resource, namespace: namespace, resourceVersion: "0").items))
          } catch {
            return (resource, asked, .failure(error))
          }
        }
      }
      for await (resource, asked, result) in group {
        switch result {
        case .success(let items): read.onListed(resource, items, asked: asked)
        case .failure(let error): read.onFailed(resource, (error as? KubeError)?.message ?? "\(error)")
        }
      }
    }
    return read
  }
}
