import KubeModel
import Logging
import Primitives
import Synchronization

/// Keeps a copy of all objects of one kind, and tells handlers what changes. Lists, watches, watches on from where it was when
/// the watch ends, lists anew when the server says that the revision is gone; it never gives up.
public final class Informer: Sendable {
  public let resource: ResourceName
  public let namespace: String
  public let cache: InformerCache
  private let client: KubeClient
  private let labelSelector: String?
  private let fieldSelector: String?
  private let options: InformerOptions
  private let clock: any TimeSource
  private let handlers: Mutex<[InformerHandlers]> = Mutex([])
  private let synced: Gate = Gate()
  private let logger: Logger

  public init(
    client: KubeClient, resource: ResourceName, namespace: String = "", labelSelector: String? = nil, fieldSelector: String? = nil,
    indexes: [InformerIndex] = [], options: InformerOptions = InformerOptions(), clock: any TimeSource = SystemClock()
  ) {
    self.client = client
    self.resource = resource
    self.namespace = namespace
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
    self.options = options
    self.clock = clock
    self.cache = InformerCache(indexes: indexes)
    var logger = Logger(label: "kubeclient.informer")
    logger[metadataKey: "resource"] = "\(resource)"
    self.logger = logger
  }

  /// The cache has shown one whole list.
  public var hasSynced: Bool { synced.isOpen }
  /// Returns once `hasSynced`; throws only when cancelled.
  public func waitUntilSynced() async throws { try await synced.wait() }

  /// Handlers added late are told first of everything that is there already. Not to be called from within a handler.
  public func addHandler(_ handler: InformerHandlers) {
    handlers.withLock { handlers in
      handlers.append(handler)
      for object in cache.all.sorted(by: { $0.key < $1.key }) { handler.onAdd(object) }
    }
  }
  public func onChange(_ handler: @escaping @Sendable (KubeObject) -> Void) { addHandler(InformerHandlers(onChange: handler)) }
  public func onAdd(_ handler: @escaping @Sendable (KubeObject) -> Void) { addHandler(InformerHandlers(onAdd: handler)) }
  public func onUpdate(_ handler: @escaping @Sendable (_ old: KubeObject, _ new: KubeObject) -> Void) {
    handlers.withLock { $0.append(InformerHandlers(onUpdate: handler)) }
  }
  public func onDelete(_ handler: @escaping @Sendable (KubeObject) -> Void) {
    handlers.withLock { $0.append(InformerHandlers(onDelete: handler)) }
  }
  /// May be added at any time; what is there is indexed at once.
  public func addIndex(_ index: InformerIndex) { cache.add(index) }

  /// Runs until its task is cancelled. Once per informer.
  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.follow() }
      if let every: Duration = options.resync { group.addTask { await self.resync(every: every) } }
      await group.waitForAll()
    }
  }

  private func follow() async {
    var flow = InformerFlow(seed: options.seed, first: options.firstPause, longest: options.longestPause)
    while !Task.isCancelled {
      switch flow.next() {
      case .wait(let pause): try? await Task.sleep(for: pause)
      case .list:
        do {
          let list: KubeList = try await client.list(
            resource, namespace: namespace, labelSelector: labelSelector, fieldSelector: fieldSelector)
          deliver { $0.replace(with: list.items) }
          flow.onListed(resourceVersion: list.resourceVersion)
          synced.open()
        } catch {
          note(error, "list", &flow)
        }
      case .watch(let resourceVersion): await watch(from: resourceVersion, &flow)
      }
    }
  }

  private func watch(from resourceVersion: String, _ flow: inout InformerFlow) async {
    let began: MonotonicTime = clock.now()
    do {
      let watch: KubeWatch = try await client.watch(
        resource, namespace: namespace, resourceVersion: resourceVersion, labelSelector: labelSelector, fieldSelector: fieldSelector,
        allowBookmarks: true, timeoutSeconds: options.watchSeconds)
      for try await event in watch {
        switch event {
        case .added(let object), .modified(let object):
          deliver { $0.upsert(object) }
          flow.onEvent(resourceVersion: object.resourceVersion)
        case .deleted(let object):
          deliver { $0.remove(object.key, last: object) }
          flow.onEvent(resourceVersion: object.resourceVersion)
        case .bookmark(let resourceVersion): flow.onEvent(resourceVersion: resourceVersion)
        case .error(let error): throw error
        }
      }
      flow.onEnded(lived: clock.now() - began)
    } catch {
      note(error, "watch", &flow)
    }
  }

  /// Cache first, handlers second, and no handler added in between.
  private func deliver(_ change: (inout InformerStore) -> [InformerStore.Change]) {
    handlers.withLock { handlers in
      for change in cache.change(change) { for handler in handlers { handler.tell(change) } }
    }
  }

  private func resync(every: Duration) async {
    while (try? await Task.sleep(for: every)) != nil {
      handlers.withLock { handlers in
        for object in cache.all { for handler in handlers { handler.onUpdate(object, object) } }
      }
    }
  }

  private func note(_ error: any Error, _ doing: String, _ flow: inout InformerFlow) {
    guard !Task.isCancelled, !(error is CancellationError) else { return }
    let fault: KubeError = error as? KubeError ?? KubeError(.unavailable, "\(doing) \(resource) failed.", cause: error)
    flow.onFailed(fault)
    logger.log(level: fault.isTransient || fault.code == .gone ? .debug : .warning, "cannot \(doing): \(fault)")
  }
}
