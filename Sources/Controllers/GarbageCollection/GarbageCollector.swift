import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Deletes what lost its last owner, and carries out foreground and orphan deletions. Watches every kind that can be deleted, as
/// discovery tells; decisions to delete are made on live objects.
final class GarbageCollector: Reconciler {
  private struct State {
    var graph = OwnerGraph()
    var directory: ResourceDirectory?
    var watched: [ResourceName: Informer] = [:]
    /// Owners that the server said do not exist; uids never come back.
    var absent: Set<String> = []
  }
  let name: String = "garbagecollector"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let discoveryPeriod: Duration
  private let state: Mutex<State> = Mutex(State())
  private let logger = Logger(label: "controllers.garbagecollector")
  /// Nothing owns them or is owned by them for long, and there are many.
  private static let ignored: Set<String> = ["events", "events.events.k8s.io"]

  init(_ environment: ControllerEnvironment, discoveryPeriod: Duration) {
    self.environment = environment
    self.discoveryPeriod = discoveryPeriod
    queue = WorkQueue(name: name, limits: WorkQueueLimits(longestRetry: .seconds(30)), clock: environment.clock)
  }

  /// Runs on standbys as well, so that the graph is whole when this center becomes active.
  func observe() async {
    var pause: Duration = .milliseconds(100)
    while !Task.isCancelled {
      do {
        let directory = try await ResourceDirectory(client: environment.client)
        state.withLock { $0.directory = directory }
        for resource in directory.all(verbs: ["delete", "list", "watch"]) where !Self.ignored.contains("\(resource)") { watch(resource) }
        pause = discoveryPeriod
      } catch {
        logger.debug("discovery failed: \(error)")
        pause = min(pause * 2, .seconds(2))
      }
      try? await Task.sleep(for: pause)
    }
  }

  private func watch(_ resource: ResourceName) {
    guard state.withLock({ $0.watched[resource] == nil }) else { return }
    let informer: Informer = environment.informers.informer(resource)
    state.withLock { $0.watched[resource] = informer }
    informer.addHandler(
      InformerHandlers(
        onAdd: { [weak self] object in self?.change { $0.onObject(resource, object) } },
        onUpdate: { [weak self] _, object in self?.change { $0.onObject(resource, object) } },
        onDelete: { [weak self] object in self?.change { $0.onDeleted(object.uid) } }))
  }

  private func change(_ body: (inout OwnerGraph) -> [OwnerGraph.Directive]) {
    for directive in state.withLock({ body(&$0.graph) }) { queue.add(directive.text) }
  }

  private var isReady: Bool { state.withLock { $0.directory != nil && $0.watched.values.allSatisfy(\.hasSynced) } }

  func reconcile(_ key: String) async throws {
    guard isReady else {
      queue.add(key, after: .milliseconds(200))  // half a graph has owners missing that exist
      return
    }
    do {
      switch OwnerGraph.Directive(key) {
      case .collect(let uid): try await collect(uid)
      case .finish(let uid): try await finish(uid)
      case nil: return
      }
    } catch let error as KubeError where error.code == .notFound {
      return
    }
  }

  private func node(_ uid: String) -> OwnerGraph.Node? { state.withLock { $0.graph.nodes[uid] } }

  /// The object itself, fresh from the server; nil if it is gone or another one by now.
  private func live(_ uid: String) async throws -> (OwnerGraph.Node, KubeObject)? {
    guard let node: OwnerGraph.Node = node(uid),
      let object: KubeObject = try await environment.client.find(node.resource, namespace: node.namespace, name: node.name),
      object.uid == uid
    else { return nil }
    return (node, object)
  }

  private func collect(_ uid: String) async throws {
    guard let known: OwnerGraph.Node = node(uid), !known.owners.isEmpty, !known.isBeingDeleted else { return }
    // Mostly every owner is there by now: then nothing is asked of the server.
    let allSolid: Bool = state.withLock { state in
      known.owners.allSatisfy { owner in
        guard let node: OwnerGraph.Node = state.graph.nodes[owner["uid"].string ?? ""] else { return false }
        return !node.waitsForDependents && (!node.resource.namespaced || node.namespace == known.namespace)
      }
    }
    if allSolid { return }
    guard let (node, object): (OwnerGraph.Node, KubeObject) = try await live(uid) else { return }
    var owners: [String: GarbageDecision.OwnerState] = [:]
    for owner in object.ownerReferences { owners[owner["uid"].string ?? ""] = try await ownerState(owner, of: object) }
    let hasDependents: Bool = state.withLock { !$0.graph.dependents(of: uid).isEmpty }
    let actions: [Action] = GarbageDecision.collect(object, node.resource, owners: owners, hasDependents: hasDependents)
    if !actions.isEmpty { logger.info("\(Self.verb(actions)) \(node.resource) \(object.key): its owners are gone") }
    try await environment.runner.run(actions)
  }

  private static func verb(_ actions: [Action]) -> String {
    if case .delete = actions.first { "deleting" } else { "freeing" }
  }

  private func ownerState(_ owner: JSONValue, of object: KubeObject) async throws -> GarbageDecision.OwnerState {
    let uid: String = owner["uid"].string ?? ""
    let (node, directory, isAbsent): (OwnerGraph.Node?, ResourceDirectory?, Bool) = state.withLock { state in
      (state.graph.nodes[uid], state.directory, state.absent.contains(uid))
    }
    if isAbsent { return .absent }
    if let node {
      // An owner in another namespace is no owner.
      if node.resource.namespaced, node.namespace != object.namespace { return .absent }
      if node.waitsForDependents { return .waiting }
    }
    guard
      let resource: ResourceName = directory?.resource(apiVersion: owner["apiVersion"].string ?? "", kind: owner["kind"].string ?? "")
    else { return .solid }  // a kind that nobody serves now: maybe tomorrow
    let found: KubeObject? = try await environment.client.find(
      resource, namespace: resource.namespaced ? object.namespace : "", name: owner["name"].string ?? "")
    if found?.uid == uid { return .solid }
    state.withLock { state in
      if state.absent.count >= ControllerLimits.absentOwners { state.absent.removeAll() }
      state.absent.insert(uid)
    }
    return .absent
  }

  private func finish(_ uid: String) async throws {
    guard let (node, object): (OwnerGraph.Node, KubeObject) = try await live(uid), object.isBeingDeleted else { return }
    let (dependents, blockers): ([String], [String]) = state.withLock { ($0.graph.dependents(of: uid), $0.graph.blockers(of: uid)) }
    if object.finalizers.contains(GarbageFinalizer.orphan) {
      for dependent in dependents {
        guard let (node, object): (OwnerGraph.Node, KubeObject) = try await live(dependent) else { continue }
        try await environment.runner.run(GarbageDecision.orphan(object, node.resource, owner: uid))
      }
      try await environment.runner.run(GarbageDecision.unblock(object, node.resource, finalizer: GarbageFinalizer.orphan))
    } else if object.finalizers.contains(GarbageFinalizer.foreground) {
      if blockers.isEmpty {
        try await environment.runner.run(GarbageDecision.unblock(object, node.resource, finalizer: GarbageFinalizer.foreground))
      }
      for dependent in dependents { queue.add(OwnerGraph.Directive.collect(uid: dependent).text) }
    }
  }
}
