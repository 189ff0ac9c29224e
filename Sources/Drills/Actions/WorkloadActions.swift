import Glibc
import KubeClient
import KubeModel
import Primitives
import Yams

enum WorkloadActions {
  @Sendable static func apply(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let path = "\(context.runbook.folder)/\(inputs["file"] ?? "")"
    let objects: [KubeObject] = try Manifest.read(path)
    let deadline: MonotonicTime = context.deadline(inputs)
    for object in objects {
      guard let resource: ResourceName = Manifest.resource(of: object) else {
        throw DrillError(.badRunbook, "\(path) holds a \(object.apiVersion) \(object.kind), which drills do not apply.")
      }
      _ = try await context.until(deadline) {
        try await context.client.patch(
          resource, namespace: object.namespace, name: object.name, type: .apply(force: true), object.json)
      }
    }
    return "\(objects.count) objects applied"
  }

  @Sendable static func waitAvailable(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let (namespace, name): (String, String) = (inputs["namespace"] ?? "", inputs["deployment"] ?? "")
    return try await context.until(context.deadline(inputs)) {
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

  @Sendable static func remember(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let namespace: String = inputs["namespace"] ?? ""
    let deployment: KubeObject = try await context.client.get(.deployments, namespace: namespace, name: inputs["deployment"] ?? "")
    let service: KubeObject = try await context.client.get(.services, namespace: namespace, name: inputs["service"] ?? "")
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
  static func read(_ path: String) throws -> [KubeObject] {
    guard let file = fopen(path, "r") else {
      throw DrillError(.badRunbook, "\(path) cannot be read: \(String(cString: strerror(errno))).")
    }
    defer { fclose(file) }
    var bytes = Bytes(repeating: 0, count: 4 << 20)
    let count: Int = fread(&bytes, 1, bytes.count, file)
    return try Yams.compose_all(yaml: Bytes(bytes[..<count]).text).map { KubeObject(json($0)) }.filter { !$0.kind.isEmpty }
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

  private static let known: [ResourceName] = [
    .namespaces, .deployments, .services, .configMaps, .secrets, .pods, .replicaSets, .serviceAccounts,
  ]
  static func resource(of object: KubeObject) -> ResourceName? {
    known.first { $0.kind == object.kind && $0.apiVersion == object.apiVersion }
  }
}
