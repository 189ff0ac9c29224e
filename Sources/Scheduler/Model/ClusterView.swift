import KubeModel

/// Nodes with their pods, and namespaces' labels: all that a scheduling cycle looks at. Pure. Bindings under way count as done.
struct ClusterView: Sendable {
  private(set) var nodes: [String: NodeInfo] = [:]
  private(set) var namespaceLabels: [String: [String: String]] = [:]
  /// Where each counted pod is, by uid.
  private var places: [String: String] = [:]
  /// Given to a node by us, not yet seen bound.
  private var assumed: Set<String> = []

  mutating func setNamespace(_ namespace: KubeObject) { namespaceLabels[namespace.name] = namespace.labels }
  mutating func removeNamespace(_ name: String) { namespaceLabels[name] = nil }

  mutating func setNode(_ node: KubeObject) { nodes[node.name, default: NodeInfo(name: node.name)].set(node) }

  mutating func removeNode(_ name: String) {
    nodes[name]?.clear()
    dropIfEmpty(name)
  }

  /// A pod as the server has it.
  mutating func setPod(_ pod: PodInfo) {
    guard pod.counts else {
      // Our own binding is ahead of this event.
      if assumed.contains(pod.uid), !pod.isTerminated { return }
      removePod(pod.uid)
      return
    }
    assumed.remove(pod.uid)
    place(pod)
  }

  mutating func removePod(_ uid: String) {
    assumed.remove(uid)
    guard let node: String = places.removeValue(forKey: uid) else { return }
    nodes[node]?.remove(uid)
    dropIfEmpty(node)
  }

  mutating func assume(_ pod: PodInfo, on node: String) {
    var pod: PodInfo = pod
    pod.nodeName = node
    assumed.insert(pod.uid)
    place(pod)
  }

  /// The binding failed.
  mutating func forget(_ uid: String) { if assumed.contains(uid) { removePod(uid) } }

  func isPlaced(_ uid: String) -> Bool { places[uid] != nil }

  private mutating func place(_ pod: PodInfo) {
    if let before: String = places[pod.uid], before != pod.nodeName { nodes[before]?.remove(pod.uid) }
    places[pod.uid] = pod.nodeName
    nodes[pod.nodeName, default: NodeInfo(name: pod.nodeName)].add(pod)
  }

  private mutating func dropIfEmpty(_ name: String) {
    if let node: NodeInfo = nodes[name], !node.exists, node.pods.isEmpty { nodes[name] = nil }
  }
}
