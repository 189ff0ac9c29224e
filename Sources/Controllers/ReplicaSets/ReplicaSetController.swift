import KubeClient
import KubeModel
import Primitives

/// Keeps as many pods as each ReplicaSet asks for.
final class ReplicaSetController: Reconciler {
  let name: String = "replicaset"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let sets: Informer
  private let pods: Informer
  private let expectations = Expectations()

  init(_ environment: ControllerEnvironment) {
    self.environment = environment
    queue = WorkQueue(name: name, clock: environment.clock)
    sets = environment.informers.informer(.replicaSets, indexes: [.controller])
    pods = environment.informers.informer(.pods, indexes: [.controller])
    sets.onChange { [queue] in queue.add($0.key) }
    pods.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onPod($0, added: true) },
        onUpdate: { [weak self] old, new in
          self?.onPod(new)
          if old.controllerReference?["uid"] != new.controllerReference?["uid"] || old.labels != new.labels { self?.onPod(old) }
        },
        onDelete: { [weak self] in self?.onPod($0, deleted: true) }))
  }

  private static func podText(_ pod: KubeObject) -> String { "\(pod.name) \(pod.uid)" }

  /// A pod concerns its controller, or if it has none every ReplicaSet that would adopt it.
  private func onPod(_ pod: KubeObject, added: Bool = false, deleted: Bool = false) {
    guard let controller: JSONValue = pod.controllerReference else {
      guard !deleted else { return }
      for set in sets.cache.inNamespace(pod.namespace) {
        if let selector = try? LabelSelector(object: set.spec["selector"]), selector.matches(pod.labels) { queue.add(set.key) }
      }
      return
    }
    guard controller["kind"].string == "ReplicaSet", let owner: String = controller["name"].string else { return }
    let key: String = "\(pod.namespace)/\(owner)"
    expectations.with { expectations in
      if added { expectations.onCreated(key) }
      if deleted || pod.isBeingDeleted { expectations.onDeleted(key, Self.podText(pod)) }
    }
    queue.add(key)
  }

  func reconcile(_ key: String) async throws {
    guard let set: KubeObject = sets.cache[key] else {
      expectations.with { $0.forget(key) }
      return
    }
    let now: MonotonicTime = environment.clock.now()
    let satisfied: Bool = expectations.with { $0.areSatisfied(key, now: now) }
    let decision = try ReplicaSetDecision(set, pods: pods.cache.inNamespace(set.namespace), related: related(set), satisfied: satisfied)
    try await environment.runner.run(decision.claims)
    var failure: (reason: String, message: String)?
    var thrown: (any Error)?
    do {
      if decision.creations > 0 { try await create(set, key, decision.creations) }
      if !decision.deletions.isEmpty { try await delete(set, key, decision.deletions) }
    } catch {
      failure = (decision.creations > 0 ? "FailedCreate" : "FailedDelete", (error as? KubeError)?.message ?? "\(error)")
      thrown = error
    }
    try await writeStatus(set, decision.claimed, failure)
    if let thrown { throw thrown }
  }

  /// Pods of the other ReplicaSets of the same Deployment.
  private func related(_ set: KubeObject) -> [KubeObject] {
    guard let owner: String = set.controllerReference?["uid"].string else { return [] }
    return sets.cache.indexed(.controller, owner).filter { $0.uid != set.uid }.flatMap { pods.cache.indexed(.controller, $0.uid) }
  }

  /// In batches that double while all goes well: a quota or a broken admission is met with one request, not five hundred.
  private func create(_ set: KubeObject, _ key: String, _ count: Int) async throws {
    let pod: KubeObject = ReplicaSetDecision.pod(of: set)
    expectations.with { $0.expect(key, creations: count, deletions: [], now: environment.clock.now()) }
    var left: Int = count
    var batch: Int = min(count, ControllerLimits.slowStartBatch)
    while left > 0 {
      let results: [Result<KubeObject, any Error>] = await withTaskGroup(of: Result<KubeObject, any Error>.self) { group in
        for _ in 0..<batch {
          group.addTask { [environment] in
            do {
              return .success(try await environment.client.create(.pods, pod))
            } catch {
              return .failure(error)
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      left -= batch
      var firstError: (any Error)?
      for result in results {
        switch result {
        case .success(let created):
          environment.events.event(set, .normal, reason: "SuccessfulCreate", message: "Created pod: \(created.name)")
        case .failure(let error):
          expectations.with { $0.onCreated(key) }
          firstError = firstError ?? error
        }
      }
      if let firstError {
        expectations.with { expectations in for _ in 0..<left { expectations.onCreated(key) } }
        // In a namespace that is being deleted nothing more is to be done.
        if (firstError as? KubeError)?.status?.causes.contains(where: { $0.contains("being terminated") }) == true { return }
        environment.events.event(
          set, .warning, reason: "FailedCreate", message: "Error creating: \((firstError as? KubeError)?.message ?? "\(firstError)")")
        throw firstError
      }
      batch = min(batch * 2, left)
    }
  }

  private func delete(_ set: KubeObject, _ key: String, _ pods: [KubeObject]) async throws {
    expectations.with { $0.expect(key, creations: 0, deletions: pods.map(Self.podText), now: environment.clock.now()) }
    let failures: [any Error] = await withTaskGroup(of: (any Error)?.self) { group in
      for pod in pods {
        group.addTask { [environment, expectations] in
          do {
            try await environment.client.delete(.pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(uid: pod.uid))
            environment.events.event(set, .normal, reason: "SuccessfulDelete", message: "Deleted pod: \(pod.name)")
            return nil
          } catch {
            expectations.with { $0.onDeleted(key, Self.podText(pod)) }
            let code: KubeError.Code? = (error as? KubeError)?.code
            return code == .notFound || code == .conflict ? nil : error
          }
        }
      }
      return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
    }
    if let first: any Error = failures.first { throw first }
  }

  private func writeStatus(_ set: KubeObject, _ pods: [KubeObject], _ failure: (reason: String, message: String)?) async throws {
    let now: WallTime = environment.clock.wall()
    let status: JSONValue = ReplicaSetStatus.of(set, pods: pods, failure: failure, now: now)
    if let wait: Duration = ReplicaSetStatus.nextAvailability(set, pods: pods, now: now) { queue.add(set.key, after: wait) }
    guard status != set.status else { return }
    var changed: KubeObject = set
    changed.status = status
    do {
      _ = try await environment.client.update(.replicaSets, changed, subresource: "status")
    } catch let error as KubeError where error.code == .notFound {
      return
    }
  }
}
