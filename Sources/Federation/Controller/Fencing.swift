import KubeModel
import Primitives

/// What must happen to Nodes and pods outside the active center, as pure functions of what is stored.
public enum Fencing {
  public enum NodeAction: Hashable, Sendable {
    /// The node belongs to an older activation and has not said that it stopped.
    case fence
    /// It has said so, or its center is active again: it is an ordinary node.
    case release
  }

  /// Epoch 1 fences nothing: there was no activation before it.
  public static func action(node: KubeObject, activeCenter: String, epoch: Int64) -> NodeAction? {
    let taint: JSONValue? = fencedTaint(node)
    let observed: Int64 = node.annotations[FederationNames.observedEpochAnnotation].flatMap { Int64($0) } ?? 0
    let mustBeFenced: Bool = node.labels[FederationNames.centerLabel] != activeCenter && observed < epoch && epoch > 1
    if mustBeFenced { return taint?["value"].string == String(epoch) ? nil : .fence }
    return taint == nil ? nil : .release
  }

  public static func fencedTaint(_ node: KubeObject) -> JSONValue? {
    node.spec["taints"].array.first { $0["key"].string == FederationNames.fencedTaint }
  }

  /// The node with the taint of this epoch, or without it. `now`: `hot` pods leave a node that stays fenced some seconds after it.
  public static func apply(_ action: NodeAction, to node: KubeObject, epoch: Int64, now: WallTime) -> KubeObject {
    var changed: KubeObject = node
    var taints: [JSONValue] = node.spec["taints"].array.filter { $0["key"].string != FederationNames.fencedTaint }
    if action == .fence {
      taints.append([
        "key": .string(FederationNames.fencedTaint), "value": .string(String(epoch)), "effect": "NoExecute",
        "timeAdded": .string(now.rfc3339),
      ])
    }
    changed.json["spec"]["taints"] = taints.isEmpty ? .null : .array(taints)
    return changed
  }

  /// Pods that are bound to fenced nodes: their containers are dead or will be before anybody could reach them. And pods of one center only
  /// that are bound to nodes of other centers than their namespace's, fenced or not any more: no kubelet there will run them. `hot` pods
  /// run anywhere: those of nodes that stay fenced are left to the controllers, which give them some seconds.
  /// - Parameters:
  ///   - centers: of every node that is known.
  ///   - home: where the exclusive pods of a namespace belong; nil: to nobody just now, and they may still be ending.
  public static func lostPods(
    _ pods: [KubeObject], fencedNodes: Set<String>, centers: [String: String], home: (String) -> String?
  ) -> [KubeObject] {
    pods.filter { pod in
      guard let node: String = pod.spec["nodeName"].string, !WorkloadTier(pod).isEverywhere else { return false }
      if fencedNodes.contains(node) { return true }
      guard let home: String = home(pod.namespace), let center: String = centers[node],
        !["Succeeded", "Failed"].contains(pod.status["phase"].string ?? "")
      else { return false }
      return center != home
    }
  }
}
