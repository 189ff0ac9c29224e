import KubeClient
import KubeModel
import Primitives

/// Rolls Deployments out through ReplicaSets.
final class DeploymentController: Reconciler {
  let name: String = "deployment"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let deployments: Informer
  private let sets: Informer
  private let pods: Informer

  init(_ environment: ControllerEnvironment) {
    self.environment = environment
    queue = WorkQueue(name: name, clock: environment.clock)
    deployments = environment.informers.informer(.deployments)
    sets = environment.informers.informer(.replicaSets, indexes: [.controller])
    pods = environment.informers.informer(.pods, indexes: [.controller])
    deployments.onChange { [queue] in queue.add($0.key) }
    sets.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onSet($0) },
        onUpdate: { [weak self] old, new in
          self?.onSet(new)
          if old.controllerReference?["uid"] != new.controllerReference?["uid"] { self?.onSet(old) }
        },
        onDelete: { [weak self] in self?.onSet($0) }))
    // A Recreate waits for the last old pod to be gone.
    pods.onDelete { [weak self] pod in self?.onPodGone(pod) }
  }

  private func onSet(_ set: KubeObject) {
    if let controller: JSONValue = set.controllerReference {
      guard controller["kind"].string == "Deployment", let owner: String = controller["name"].string else { return }
      queue.add("\(set.namespace)/\(owner)")
      return
    }
    for deployment in deployments.cache.inNamespace(set.namespace) {
      if let selector = try? LabelSelector(object: deployment.spec["selector"]), selector.matches(set.labels) { queue.add(deployment.key) }
    }
  }

  private func onPodGone(_ pod: KubeObject) {
    guard let controller: JSONValue = pod.controllerReference, controller["kind"].string == "ReplicaSet",
      let set: KubeObject = sets.cache["\(pod.namespace)/\(controller["name"].string ?? "")"],
      let owner: String = set.controllerReference?["name"].string,
      let deployment: KubeObject = deployments.cache["\(pod.namespace)/\(owner)"],
      deployment.spec["strategy"]["type"].string == "Recreate"
    else { return }
    queue.add(deployment.key)
  }

  func reconcile(_ key: String) async throws {
    guard let deployment: KubeObject = deployments.cache[key] else { return }
    var sync = try DeploymentSync(
      deployment, sets: sets.cache.inNamespace(deployment.namespace), pods: { pods.cache.indexed(.controller, $0) },
      now: environment.clock.wall())
    do {
      if let again: Duration = try await environment.runner.run(sync.run()) { queue.add(key, after: again) }
    } catch let error as KubeError where error.code == .alreadyExists {
      try await onCollision(sync)
    } catch let error as KubeError where error.code == .notFound && deployments.cache[key] == nil {
      return  // it went meanwhile
    }
  }

  /// The new ReplicaSet's name is taken: by itself, which our informer has not shown yet, or by another template with the same hash.
  private func onCollision(_ sync: DeploymentSync) async throws {
    let deployment: KubeObject = sync.original
    guard let name: String = sync.new?.name,
      let present: KubeObject = try await environment.client.find(.replicaSets, namespace: deployment.namespace, name: name)
    else { throw KubeError(.conflict, "The ReplicaSet of \(deployment.key) was there and is gone.") }
    if Ownership.isControlled(present, by: deployment), TemplateHash.isEqual(present.spec["template"], deployment.spec["template"]) {
      return
    }
    var changed: KubeObject = deployment
    changed.json["status"]["collisionCount"] = .int((deployment.status["collisionCount"].int ?? 0) + 1)
    _ = try await environment.client.update(.deployments, changed, subresource: "status")
  }
}
