import HTTP
import HTTPTypes
import KubeModel
import Keyspace
import Logging
import Primitives
import Synchronization

/// One apiserver of a cluster: answers the Kubernetes API from a store that it shares with any number of others. It remembers nothing
/// that matters: caches are filled from the store, and every write is one transaction of it.
public final class APIServer: Responder, Sendable {
  let configuration: APIServerConfiguration
  let handlers: Handlers
  let router: Router
  private let admittance: Admittance
  private let metrics = RequestMetrics()
  private let tasks: Mutex<[Task<Void, Never>]> = Mutex([])
  private let isBootstrapped = Atomic<Bool>(false)
  private let preferred = PreferredAddresses()

  public init(configuration: APIServerConfiguration, store: any KeyValueStore) {
    configuration.limits.check()
    self.configuration = configuration
    let layout = StorageLayout(prefix: configuration.prefix)
    let catalog = Catalog(Registry.shared.definitions.map { Resource($0, layout: layout, limits: configuration.limits) })
    let storage = ObjectStorage(
      store: store, layout: layout, waits: StoreWaits(clock: configuration.clock, leaderWait: configuration.leaderWait),
      eventLease: EventLease(store: store, clock: configuration.clock))
    let names = NameSource(seed: configuration.seed)
    let targets: [StoreFeed.Target] = catalog.resources.filter(\.isStored).map {
      StoreFeed.Target(folder: $0.folder, definition: $0.definition, hub: $0.hub)
    }
    let feed = StoreFeed(
      store: store, root: Bytes(layout.root), targets: targets, limits: configuration.limits, logger: configuration.logger)
    let admission = Admission(
      configuration: configuration, storage: storage, catalog: catalog, names: names, clock: configuration.clock)
    handlers = Handlers(
      configuration: configuration, limits: configuration.limits, storage: storage, catalog: catalog, admission: admission, feed: feed,
      names: names, clock: configuration.clock, logger: configuration.logger)
    router = Router(handlers: handlers)
    admittance = Admittance(limits: configuration.limits)
  }

  /// Makes what must exist before anybody comes, and begins to fill the caches. Requests are answered from the moment of `init`; `/readyz`
  /// says when all of this is done, which may be a moment after the return. Waits for a store without a leader until its task is cancelled.
  public func start() async throws {
    let (feed, handlers, clock): (StoreFeed, Handlers, any TimeSource) = (handlers.feed, handlers, configuration.clock)
    let feeding: Task<Void, Never> = Task { await feed.run() }
    let ticking: Task<Void, Never> = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(250))
        for resource in handlers.catalog.resources { resource.hub.tick(now: clock.now()) }
      }
    }
    tasks.withLock { $0 += [feeding, ticking] }
    if let interval: Duration = configuration.compactionInterval {
      let compactor = Compactor(storage: handlers.storage, interval: interval, logger: configuration.logger)
      tasks.withLock { $0.append(Task { await compactor.run() }) }
    }
    var pause: Duration = .milliseconds(50)
    while true {
      do {
        try await Bootstrap(handlers: handlers).run()
        isBootstrapped.store(true, ordering: .releasing)
        keepEndpoints()
        return
      } catch let error as KubeStatus {
        try Task.checkCancellation()
        configuration.logger.info("the cluster's first objects cannot be made yet; trying again", metadata: ["why": "\(error.message)"])
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(1))
      }
    }
  }

  /// Endpoints of the Service `kubernetes` from now on, if this server was told where it is reached.
  private func keepEndpoints() {
    guard !configuration.advertiseAddress.isEmpty else { return }
    let reconciler = EndpointReconciler(handlers: handlers, preferred: preferred)
    tasks.withLock { $0.append(Task { await reconciler.run() }) }
  }

  /// Addresses of apiservers that stand first among the endpoints of the Service `kubernetes`: those of the active center.
  public func prefer(_ addresses: Set<String>) { preferred.set(addresses) }

  /// Ends watches and the feed. Requests that come later are answered with 503 where they need a cache.
  public func stop() {
    let running: [Task<Void, Never>] = tasks.withLock { tasks in
      defer { tasks = [] }
      return tasks
    }
    for task in running { task.cancel() }
    for resource in handlers.catalog.resources { resource.hub.stop() }
  }

  /// Every cache is filled and the first objects are there.
  public var isReady: Bool {
    isBootstrapped.load(ordering: .acquiring) && handlers.catalog.resources.allSatisfy { !$0.isStored || $0.hub.isLoaded }
  }

  public func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    let start: MonotonicTime = configuration.clock.now()
    var asked = AskedRequest(request)
    do {
      guard let info: RequestInfo = RequestInfo(request.head) else {
        throw KubeStatus(code: 405, reason: "MethodNotAllowed", message: "the server does not know the method \(request.head.method)")
      }
      asked.info = info
      guard let user: UserInfo = UserInfo(request.peer) else { throw KubeStatus.unauthorized() }
      asked.user = user.name
      let pass: Admittance.Pass = try admittance.enter(isWatch: info.verb == "watch" || info.podStream != nil)
      defer { admittance.leave(pass) }
      try await authorize(user, info)
      let isReadyNow: Bool = isReady
      switch try await router.route(request, info, user, isReady: isReadyNow) {
      case .reply(let reply):
        asked.status = reply.status
        try await reply.send(through: response, isHead: request.head.method == .head)
      case .watch(let resource, let context):
        metrics.watchStarted(resource.name)
        defer { metrics.watchEnded(resource.name) }
        asked.status = 200
        try await handlers.watch(resource, context, through: response)
      case .stream(let kind, let context):
        asked.status = 200
        try await handlers.podStream(kind, context, through: response)
      }
    } catch let refusal as KubeStatus {
      asked.status = refusal.code
      try await Reply(refusal).send(through: response, isHead: request.head.method == .head)
    } catch let refusal as ExpiredContinuation {
      asked.status = 410
      try await Reply(refusal).send(through: response, isHead: request.head.method == .head)
    } catch let error as HTTPError {
      // The way back is broken: there is nobody to tell.
      asked.status = 499
      finish(asked, since: start)
      throw error
    } catch is CancellationError {
      asked.status = 499
      finish(asked, since: start)
      throw CancellationError()
    } catch {
      asked.status = 500
      configuration.logger.error("a request failed inside", metadata: ["path": "\(asked.path)", "error": "\(error)"])
      try await Reply(KubeStatus.internalError("\(error)")).send(through: response, isHead: request.head.method == .head)
    }
    finish(asked, since: start)
  }

  private func finish(_ asked: AskedRequest, since start: MonotonicTime) {
    let took: Duration = configuration.clock.now() - start
    metrics.finished(asked, took)
    configuration.logger.debug(
      "request",
      metadata: [
        "verb": "\(asked.info?.verb ?? asked.method)", "path": "\(asked.path)", "user": "\(asked.user)", "status": "\(asked.status)",
        "milliseconds": "\(took.inMilliseconds)", "from": "\(asked.from)",
      ])
  }

  private func authorize(_ user: UserInfo, _ info: RequestInfo) async throws {
    let asked = Authorizer.Attributes(user, info)
    switch configuration.authorizer.decide(asked) {
    case .allowed: return
    case .allowedForPodsOf(let node):
      let pods: Resource = handlers.catalog.pods
      let path: Bytes = pods.path(namespace: info.namespace, name: info.name)
      // What the cache does not know, or knows as unbound, may have been bound a moment ago.
      if pods.hub.object(path)?.fields["spec.nodeName"] == node { return }
      if try await handlers.storage.get(pods, path).map({ $0.fields["spec.nodeName"] == node }) ?? true { return }
    case .forbidden: break
    }
    throw asked.refusal
  }
}

/// What is told of a request when it is over.
struct AskedRequest {
  var info: RequestInfo?
  var user: String = ""
  var status: Int = 0
  let method: String
  let path: String
  let from: String

  init(_ request: ServerRequest) {
    method = request.head.method.rawValue
    path = request.head.path ?? ""
    from = request.remoteAddress
  }
}

extension Authorizer.Attributes {
  init(_ user: UserInfo, _ info: RequestInfo) {
    self.init(
      user: user, verb: info.verb, resource: info.resource, group: info.group, subresource: info.subresource, namespace: info.namespace,
      name: info.name, path: info.path)
  }

  /// The 403 in Kubernetes' words, which people search for.
  var refusal: KubeStatus {
    guard !resource.isEmpty else { return .forbidden(path: path, user: user.name, verb: verb) }
    let full: String = subresource.isEmpty ? resource : "\(resource)/\(subresource)"
    let scope: String = namespace.isEmpty || resource == "namespaces" ? "at the cluster scope" : "in the namespace \"\(namespace)\""
    let what = ResourceName(group: group, version: "", resource: resource, kind: "", namespaced: !namespace.isEmpty)
    return .forbidden(
      what, name: name, "User \"\(user.name)\" cannot \(verb) resource \"\(full)\" in API group \"\(group)\" \(scope)")
  }
}
