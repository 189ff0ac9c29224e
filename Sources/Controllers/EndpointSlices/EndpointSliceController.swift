import KubeClient
import KubeModel
import Primitives

/// Tells who answers for a Service: EndpointSlices and, beside them, Endpoints. Services without a selector are left to
/// whoever made them; the `kubernetes` Service is the apiserver's own.
final class EndpointSliceController: Reconciler {
  let name: String = "endpointslice"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let services: Informer
  private let pods: Informer
  private let nodes: Informer
  private let slices: Informer
  private let endpoints: Informer

  init(_ environment: ControllerEnvironment) {
    self.environment = environment
    queue = WorkQueue(name: name, clock: environment.clock)
    let informers: SharedInformers = environment.informers
    services = informers.informer(.services)
    pods = informers.informer(.pods, indexes: [.node])
    nodes = informers.informer(.nodes)
    slices = informers.informer(.endpointSlices, indexes: [.label(EndpointSliceDecision.serviceLabel)])
    endpoints = informers.informer(.endpoints)
    services.onChange { [queue] in queue.add($0.key) }
    pods.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onPod($0) },
        onUpdate: { [weak self] old, new in
          guard Self.matters(old, new) else { return }
          self?.onPod(new)
          if old.labels != new.labels { self?.onPod(old) }
        },
        onDelete: { [weak self] in self?.onPod($0) }))
    nodes.onUpdate { [weak self] old, new in
      let zone: String = "topology.kubernetes.io/zone"
      if old.isFencedNode != new.isFencedNode || old.labels[zone] != new.labels[zone] { self?.onNode(new) }
    }
    nodes.onAdd { [weak self] in self?.onNode($0) }
    // What others change on our slices and Endpoints is put right.
    slices.onChange { [queue] slice in
      guard slice.labels[EndpointSliceDecision.managedLabel] == EndpointSliceDecision.manager,
        let service: String = slice.labels[EndpointSliceDecision.serviceLabel]
      else { return }
      queue.add("\(slice.namespace)/\(service)")
    }
    endpoints.onChange { [queue, weak self] in if self?.services.cache[$0.key] != nil { queue.add($0.key) } }
  }

  private static func matters(_ old: KubeObject, _ new: KubeObject) -> Bool {
    old.status["podIPs"] != new.status["podIPs"] || old.status["podIP"] != new.status["podIP"] || old.isReadyPod != new.isReadyPod
      || old.isBeingDeleted != new.isBeingDeleted || old.podPhase != new.podPhase || old.nodeName != new.nodeName
      || old.labels != new.labels || old.spec["hostname"] != new.spec["hostname"]
  }

  private func onPod(_ pod: KubeObject) {
    for service in services.cache.inNamespace(pod.namespace) where pod.matches(plainSelector: service.spec["selector"].stringMap) {
      queue.add(service.key)
    }
  }

  private func onNode(_ node: KubeObject) {
    for pod in pods.cache.indexed(.node, node.name) { onPod(pod) }
  }

  func reconcile(_ key: String) async throws {
    let owned: [KubeObject] = slices.cache.indexed(.label(EndpointSliceDecision.serviceLabel), key).filter {
      $0.labels[EndpointSliceDecision.managedLabel] == EndpointSliceDecision.manager
    }
    let service: KubeObject? = services.cache[key]
    guard let service, !service.isBeingDeleted, service.spec["type"].string != "ExternalName", !service.spec["selector"].stringMap.isEmpty
    else {
      if service == nil || service?.isBeingDeleted == true { try await clean(owned, key) }
      return
    }
    let pods: [KubeObject] = pods.cache.inNamespace(service.namespace).filter {
      $0.matches(plainSelector: service.spec["selector"].stringMap)
    }
    let nodes: InformerCache = nodes.cache
    let decided = EndpointSliceDecision(service, pods: pods, nodes: { nodes[$0] }, slices: owned)
    let mirrored = EndpointsDecision(service, pods: pods, nodes: { nodes[$0] }, present: endpoints.cache[key])
    do {
      // Beside each other: a pod that becomes ready meanwhile waits for both, and each write waits for the other city after a loss.
      async let mirroring: Duration? = environment.runner.run(mirrored.actions)
      try await environment.runner.run(decided.actions)
      _ = try await mirroring
    } catch let error as KubeError where error.code == .alreadyExists {
      queue.add(key, after: .milliseconds(50))  // made by ourselves, not shown yet
    } catch let error as KubeError
      where error.code == .notFound || error.status?.causes.contains(where: { $0.contains("terminated") }) == true
    {
      return  // the namespace goes
    }
  }

  /// The Service is gone: so are its slices (garbage collection would come later) and its Endpoints.
  private func clean(_ owned: [KubeObject], _ key: String) async throws {
    var actions: [Action] = owned.map { .delete(.endpointSlices, namespace: $0.namespace, name: $0.name, DeleteOptions(uid: $0.uid)) }
    if let present: KubeObject = endpoints.cache[key], present.labels["endpoints.kubernetes.io/managed-by"] == "endpoint-controller" {
      actions.append(.delete(.endpoints, namespace: present.namespace, name: present.name, DeleteOptions(uid: present.uid)))
    }
    try await environment.runner.run(actions)
  }
}
