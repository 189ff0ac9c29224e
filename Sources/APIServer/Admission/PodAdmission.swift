import KubeModel

extension Admission {
  private static let tolerationSeconds: Int64 = 300

  func preparePod(_ pod: inout KubeObject) {
    if (pod.spec["serviceAccountName"].string ?? "").isEmpty { pod.json["spec"]["serviceAccountName"] = "default" }
    pod.json["spec"]["serviceAccount"] = pod.spec["serviceAccountName"]
    if pod.spec["priority"].isNull { pod.json["spec"]["priority"] = 0 }
    if pod.spec["preemptionPolicy"].isNull { pod.json["spec"]["preemptionPolicy"] = "PreemptLowerPriority" }
    // DefaultTolerationSeconds (https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions)
    for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] where !Self.tolerates(pod, noExecute: taint) {
      let toleration: JSONValue = [
        "key": .string(taint), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": .int(Self.tolerationSeconds),
      ]
      pod.json["spec"]["tolerations"] = .array(pod.spec["tolerations"].array + [toleration])
    }
  }

  /// The tier that the pod keeps for life. `exclusive` is what a pod without the annotation is, and needs none.
  func stampTier(_ pod: inout KubeObject, namespace: KubeObject) {
    let given: JSONValue = pod.metadata["annotations"][WorkloadTier.annotation]
    // One that nobody understands is left for validation to refuse.
    guard given.isNull else { return }
    let tier: WorkloadTier = .of(newPod: pod, namespace: namespace)
    if tier != .exclusive { pod.json["metadata"]["annotations"][WorkloadTier.annotation] = .string(tier.rawValue) }
  }

  private static func tolerates(_ pod: KubeObject, noExecute taint: String) -> Bool {
    pod.spec["tolerations"].array.contains { toleration in
      let key: String = toleration["key"].string ?? ""
      let effect: String = toleration["effect"].string ?? ""
      return (key == taint || key.isEmpty) && (effect == "NoExecute" || effect.isEmpty)
    }
  }
}
