import KubeClient
import KubeModel
import Primitives
import Yams

enum WorkloadActions {
  /// Server-side apply: asked for again it changes nothing.
  @Sendable static func apply(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let objects: [(KubeObject, ResourceName)] = try objects(context, call)
    for (object, resource) in objects {
      _ = try await context.until(call.deadline) {
        try await context.client.patch(
          resource, namespace: object.namespace, name: object.name, type: .apply(force: true), object.json)
      }
    }
    return "\(objects.count) objects applied"
  }

  /// The last one first. What is not there was removed.
  @Sendable static func remove(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let objects: [(KubeObject, ResourceName)] = try objects(context, call)
    for (object, resource) in objects.reversed() {
      _ = try await context.until(call.deadline) { () -> Bool? in
        guard try await context.client.find(resource, namespace: object.namespace, name: object.name) != nil else { return true }
        try await context.client.delete(resource, namespace: object.namespace, name: object.name)
        return true
      }
    }
    return "\(objects.count) objects removed"
  }

  private static func objects(_ context: DrillContext, _ call: StepCall) throws -> [(KubeObject, ResourceName)] {
    let name: String = call["file"]
    guard let text: String = context.runbook.files.text(name) else {
      throw DrillError(.badRunbook, "\(context.runbook.files.place(name)) cannot be read.")
    }
    return try Manifest.objects(text).map { object in
      guard let resource: ResourceName = Manifest.resource(of: object) else {
        throw DrillError(.badRunbook, "\(name) holds a \(object.apiVersion) \(object.kind), which no API server here serves.")
      }
      return (object, resource)
    }
  }

  @Sendable static func waitAvailable(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (namespace, name): (String, String) = (call["namespace"], call["deployment"])
    return try await context.until(call.deadline) {
      let deployment: KubeObject = try await context.client.get(.deployments, namespace: namespace, name: name)
      let wanted: Int64 = deployment.spec["replicas"].int ?? 1
      let available: Int64 = deployment.status["availableReplicas"].int ?? 0
      let updated: Int64 = deployment.status["updatedReplicas"].int ?? 0
      guard deployment.status["observedGeneration"].int == deployment.generation, available >= wanted, updated >= wanted else {
        throw DrillError(.notMet, "\(namespace)/\(name) has \(available) of \(wanted) replicas available.")
      }
      // What the Deployment says may be older than the loss of a center: look at the pods as well.
      let selector: String = deployment.spec["selector"]["matchLabels"].stringMap.map { "\($0.key)=\($0.value)" }.sorted().joined(
        separator: ",")
      let pods: [KubeObject] = try await context.client.list(.pods, namespace: namespace, labelSelector: selector).items
      let lost: CenterName? = context.state.withLock { $0.lostCenter }
      let ready: [KubeObject] = pods.filter { pod in
        let host: String = pod.spec["nodeName"].string ?? ""
        return Pods.isReady(pod) && (lost == nil || context.site.center(of: HostName(host))?.name != lost)
      }
      guard ready.count >= wanted else { throw DrillError(.notMet, "\(ready.count) of \(wanted) pods are ready.") }
      let hosts: Set<String> = Set(ready.compactMap { $0.spec["nodeName"].string })
      return "\(available) of \(wanted) on \(hosts.sorted().joined(separator: ", "))"
    }
  }

  @Sendable static func remember(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let namespace: String = call["namespace"]
    let deployment: KubeObject = try await context.client.get(.deployments, namespace: namespace, name: call["deployment"])
    let service: KubeObject = try await context.client.get(.services, namespace: namespace, name: call["service"])
    let identity = DrillContext.Identity(
      namespace: namespace, deployment: deployment.name, service: service.name, deploymentUID: deployment.uid, serviceUID: service.uid,
      clusterIP: service.spec["clusterIP"].string ?? "")
    context.state.withLock { $0.identity = identity }
    return "Service \(identity.clusterIP), UIDs \(identity.serviceUID) and \(identity.deploymentUID)"
  }
}

enum Pods {
  static func isReady(_ pod: KubeObject) -> Bool {
    !pod.isBeingDeleted
      && pod.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }
}

/// Objects in a YAML file of several documents.
enum Manifest {
  static func objects(_ text: String) throws -> [KubeObject] {
    try Yams.compose_all(yaml: text).map { KubeObject(json($0)) }.filter { !$0.kind.isEmpty }
  }

  private static func json(_ node: Node) -> JSONValue {
    switch node {
    case .mapping(let mapping): .object(JSONObject(mapping.map { ($0.key.string ?? "", json($0.value)) }))
    case .sequence(let sequence): .array(sequence.map(json))
    case .scalar(let scalar):
      if scalar.style != .plain && scalar.style != .any {
        .string(scalar.string)
      } else if let value: Int = node.int {
        .int(Int64(value))
      } else if let value: Bool = node.bool {
        .bool(value)
      } else if node.null != nil {
        .null
      } else {
        .string(scalar.string)
      }
    case .alias: .null
    }
  }

  static func resource(of object: KubeObject) -> ResourceName? { Registry.shared.definition(of: object)?.name }
}
