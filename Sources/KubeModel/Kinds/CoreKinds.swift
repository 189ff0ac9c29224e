extension ResourceName {
  public static let bindings = Self(group: "", version: "v1", resource: "bindings", kind: "Binding", namespaced: true)
}

extension ResourceDefinition {
  public static let namespaces = ResourceDefinition(
    .namespaces, type: "core.v1.Namespace", shortNames: ["ns"], verbs: allVerbs.filter { $0 != "deletecollection" },
    subresources: [
      Subresource(name: "finalize", kind: GroupVersionKind(group: "", version: "v1", kind: "Namespace"), verbs: ["update"]),
      status(.namespaces),
    ],
    selectable: [SelectableField("status.phase")], columns: TableColumn.namespaces, behaviour: .namespaces)

  public static let nodes = ResourceDefinition(
    .nodes, type: "core.v1.Node", shortNames: ["no"], subresources: [status(.nodes)],
    selectable: [SelectableField("spec.unschedulable", absent: "false")], columns: TableColumn.nodes, behaviour: .nodes)

  public static let services = ResourceDefinition(
    .services, type: "core.v1.Service", shortNames: ["svc"], categories: ["all"], subresources: [status(.services)],
    selectable: [SelectableField("spec.clusterIP"), SelectableField("spec.type")], columns: TableColumn.services, behaviour: .services)

  public static let endpoints = ResourceDefinition(
    .endpoints, type: "core.v1.Endpoints", singular: "endpoints", shortNames: ["ep"], columns: TableColumn.endpoints,
    behaviour: .endpoints)

  public static let configMaps = ResourceDefinition(
    .configMaps, type: "core.v1.ConfigMap", shortNames: ["cm"], columns: TableColumn.configMaps, behaviour: .configMaps)

  public static let secrets = ResourceDefinition(
    .secrets, type: "core.v1.Secret", selectable: [SelectableField("type")], columns: TableColumn.secrets, behaviour: .secrets)

  public static let serviceAccounts = ResourceDefinition(
    .serviceAccounts, type: "core.v1.ServiceAccount", shortNames: ["sa"], columns: TableColumn.serviceAccounts)

  public static let events = ResourceDefinition(
    .events, type: "core.v1.Event", shortNames: ["ev"],
    selectable: [
      "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
      "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "type",
    ].map { SelectableField($0) }, columns: TableColumn.events, behaviour: .events)

  /// Only to be created: binds the pod that it names to a node.
  public static let bindings = ResourceDefinition(.bindings, type: "core.v1.Binding", verbs: ["create"])

  public static let pods = ResourceDefinition(
    .pods, type: "core.v1.Pod", shortNames: ["po"], categories: ["all"],
    subresources: [
      Subresource(name: "attach", kind: GroupVersionKind(group: "", version: "v1", kind: "PodAttachOptions"), verbs: ["create", "get"]),
      Subresource(name: "binding", kind: GroupVersionKind(group: "", version: "v1", kind: "Binding"), verbs: ["create"]),
      Subresource(name: "eviction", kind: GroupVersionKind(group: "policy", version: "v1", kind: "Eviction"), verbs: ["create"]),
      Subresource(name: "exec", kind: GroupVersionKind(group: "", version: "v1", kind: "PodExecOptions"), verbs: ["create", "get"]),
      Subresource(name: "log", kind: GroupVersionKind(group: "", version: "v1", kind: "Pod"), verbs: ["get"]),
      Subresource(
        name: "portforward", kind: GroupVersionKind(group: "", version: "v1", kind: "PodPortForwardOptions"), verbs: ["create", "get"]),
      status(.pods),
    ],
    selectable: [
      SelectableField("spec.nodeName"), SelectableField("spec.restartPolicy"), SelectableField("spec.schedulerName"),
      SelectableField("spec.serviceAccountName"), SelectableField("spec.hostNetwork", absent: "false"), SelectableField("status.phase"),
      SelectableField("status.podIP"), SelectableField("status.nominatedNodeName"),
    ],
    columns: TableColumn.pods, behaviour: .pods)
}
