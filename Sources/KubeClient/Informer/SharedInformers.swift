import KubeModel
import Primitives
import Synchronization

/// One informer per kind (and namespace and selectors) for all who need it in this process: one watch, one copy.
public final class SharedInformers: Sendable {
  private struct Key: Hashable {
    var resource: ResourceName
    var namespace: String
    var labelSelector: String?
    var fieldSelector: String?
  }
  private struct State {
    var informers: [Key: Informer] = [:]
    /// Asked for and not started yet by `run`.
    var waiting: [Informer] = []
    /// Tells `run`, while it is running, that something waits; one telling is kept.
    var bell: AsyncStream<Void>.Continuation?
  }
  private let client: KubeClient
  private let options: InformerOptions
  private let state: Mutex<State> = Mutex(State())

  public init(client: KubeClient, options: InformerOptions = InformerOptions()) {
    self.client = client
    self.options = options
  }

  /// The informer for a kind, made if need be; indexes are added to one that exists. Runs as soon as `run` does.
  public func informer(
    _ resource: ResourceName, namespace: String = "", labelSelector: String? = nil, fieldSelector: String? = nil,
    indexes: [InformerIndex] = []
  ) -> Informer {
    let key = Key(resource: resource, namespace: namespace, labelSelector: labelSelector, fieldSelector: fieldSelector)
    return state.withLock { state in
      if let informer: Informer = state.informers[key] {
        for index in indexes { informer.addIndex(index) }
        return informer
      }
      var options: InformerOptions = options
      options.seed &+= UInt64(state.informers.count)
      let informer = Informer(
        client: client, resource: resource, namespace: namespace, labelSelector: labelSelector, fieldSelector: fieldSelector,
        indexes: indexes, options: options)
      state.informers[key] = informer
      state.waiting.append(informer)
      state.bell?.yield()
      return informer
    }
  }

  /// All informers asked for so far have shown a whole list. Throws only when cancelled.
  public func waitUntilSynced() async throws {
    for informer in state.withLock({ Array($0.informers.values) }) { try await informer.waitUntilSynced() }
  }
  public var hasSynced: Bool { state.withLock { $0.informers.values.allSatisfy(\.hasSynced) } }

  /// Runs all informers, those asked for later too, until its task is cancelled.
  public func run() async {
    let (stream, bell) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      precondition(state.bell == nil, "SharedInformers.run is running already")
      state.waiting = Array(state.informers.values)
      state.bell = bell
    }
    bell.yield()
    await withDiscardingTaskGroup { group in
      for await _ in stream {
        let waiting: [Informer] = state.withLock { state in
          defer { state.waiting = [] }
          return state.waiting
        }
        for informer in waiting { group.addTask { await informer.run() } }
      }
      group.cancelAll()
    }
    state.withLock { $0.bell = nil }
  }
}
