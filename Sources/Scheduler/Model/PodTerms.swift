import KubeModel

/// One term of pod affinity or anti-affinity.
/// https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
struct PodTerm: Hashable, Sendable {
  var selector: LabelSelector
  var topologyKey: String
  /// Nil together with a nil selector: the pod's own namespace.
  var namespaces: Set<String>
  var namespaceSelector: LabelSelector?

  /// Nil for a term that cannot be understood; it then matches nothing.
  init?(_ json: JSONValue, pod: KubeObject) {
    guard let selector = try? LabelSelector(object: json["labelSelector"]), let key: String = json["topologyKey"].string else { return nil }
    self.selector = Self.completed(selector, json, pod)
    topologyKey = key
    namespaces = Set(json["namespaces"].array.compactMap(\.string))
    namespaceSelector = json["namespaceSelector"].isNull ? nil : try? LabelSelector(object: json["namespaceSelector"])
    if namespaces.isEmpty, namespaceSelector == nil { namespaces = [pod.namespace] }
  }

  /// `matchLabelKeys` and `mismatchLabelKeys` stand for the pod's own values of these labels.
  static func completed(_ selector: LabelSelector, _ json: JSONValue, _ pod: KubeObject) -> LabelSelector {
    var requirements: [LabelSelector.Requirement] = selector.requirements
    guard !selector.selectsNothing else { return selector }
    for (field, comparison) in [("matchLabelKeys", LabelSelector.Operator.isIn), ("mismatchLabelKeys", .notIn)] {
      for key in json[field].array.compactMap(\.string) {
        if let value: String = pod.labels[key] { requirements.append(.init(key, comparison, [value])) }
      }
    }
    return LabelSelector(requirements)
  }

  func matches(_ pod: PodInfo, namespaceLabels: [String: [String: String]]) -> Bool {
    guard selector.matches(pod.labels) else { return false }
    if namespaces.contains(pod.namespace) { return true }
    return namespaceSelector?.matches(namespaceLabels[pod.namespace] ?? [:]) ?? false
  }
}

/// https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
struct SpreadConstraint: Hashable, Sendable {
  var maxSkew: Int
  var topologyKey: String
  /// DoNotSchedule; otherwise ScheduleAnyway.
  var isRequired: Bool
  var selector: LabelSelector
  var minDomains: Int
  /// `nodeAffinityPolicy`, `nodeTaintsPolicy`: whether nodes that the pod may not use count as domains.
  var honorsAffinity: Bool
  var honorsTaints: Bool

  init?(_ json: JSONValue, pod: KubeObject) {
    guard let selector = try? LabelSelector(object: json["labelSelector"]), let key: String = json["topologyKey"].string else { return nil }
    maxSkew = Int(json["maxSkew"].int ?? 1)
    topologyKey = key
    isRequired = json["whenUnsatisfiable"].string != "ScheduleAnyway"
    self.selector = PodTerm.completed(selector, json, pod)
    minDomains = Int(json["minDomains"].int ?? 1)
    honorsAffinity = json["nodeAffinityPolicy"].string != "Ignore"
    honorsTaints = json["nodeTaintsPolicy"].string == "Honor"
  }
}
