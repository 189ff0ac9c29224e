import KubeClient
import KubeModel
import Primitives
import Site

enum VerifyActions {
  @Sendable static func writes(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let place = EarlierWrites.place(context) else { throw DrillError(.notMet, "No writer ran.") }
    let earlier = EarlierWrites(context)
    let client: KubeClient = call["center"].isEmpty ? context.client : context.client(of: call.center)
    let acknowledged: [WriteProbe.Acknowledged] = context.state.withLock { $0.writes }?.acknowledged ?? []
    let count: Int = acknowledged.count + earlier.count
    let (missing, before): ([String], [String]) = try await context.until(call.deadline) {
      let stored: [KubeObject] = try await client.list(.configMaps, namespace: place.namespace, labelSelector: place.selector).items
      let byName: [String: KubeObject] = Dictionary(stored.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      let missing: [String] = acknowledged.compactMap { write in
        guard let object: KubeObject = byName[write.name] else { return "\(write.name) is gone" }
        return object.uid == write.uid && object["data"].stringMap == write.data ? nil : "\(write.name) has another content"
      }
      return (missing, earlier.missing(byName))
    }
    let lost: [String] = missing + before
    context.noteLost(missing.compactMap { name in acknowledged.first { name.hasPrefix("\($0.name) ") } }, count: lost.count)
    guard lost.isEmpty else {
      throw DrillError(.notMet, "\(lost.count) of \(count) acknowledged writes are lost: \(lost.prefix(5).joined(separator: "; ")).")
    }
    let whose: String = earlier.parts.isEmpty ? "" : " (\(earlier.count) of runners before this one)"
    return "\(count) acknowledged\(whose), 0 lost"
  }

  @Sendable static func identity(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let before: DrillContext.Identity = context.state.withLock({ $0.identity }) else {
      throw DrillError(.notMet, "Nothing was noted before the fault.")
    }
    let service: KubeObject = try await context.client.get(.services, namespace: before.namespace, name: before.service)
    let deployment: KubeObject = try await context.client.get(.deployments, namespace: before.namespace, name: before.deployment)
    let changed: [String] = [
      service.uid == before.serviceUID ? nil : "the Service's UID is \(service.uid), was \(before.serviceUID)",
      deployment.uid == before.deploymentUID ? nil : "the Deployment's UID is \(deployment.uid), was \(before.deploymentUID)",
      service.spec["clusterIP"].string == before.clusterIP
        ? nil : "the ClusterIP is \(service.spec["clusterIP"].string ?? "none"), was \(before.clusterIP)",
    ].compactMap { $0 }
    guard changed.isEmpty else { throw DrillError(.notMet, changed.joined(separator: "; ") + ".") }
    return "unchanged: \(before.clusterIP), \(before.serviceUID), \(before.deploymentUID)"
  }

  @Sendable static func noneReady(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let center = call.center
    let hosts: Set<String> = Set((context.site.center(center)?.hosts ?? []).map(\.name.value))
    return try await context.until(call.deadline) {
      let pods: [KubeObject] = try await context.client.list(.pods).items
      let ready: [String] = pods.filter { hosts.contains($0.spec["nodeName"].string ?? "") && Pods.isReady($0) }.map(\.key)
      let slices: [KubeObject] = try await context.client.list(
        .endpointSlices, namespace: call["namespace"], labelSelector: "kubernetes.io/service-name=\(call["service"])"
      ).items
      let endpoints: [JSONValue] = slices.flatMap { $0["endpoints"].array }
      let named: [String] = endpoints.filter { hosts.contains($0["nodeName"].string ?? "") && $0["conditions"]["ready"].bool != false }
        .compactMap { $0["addresses"][0].string }
      guard ready.isEmpty, named.isEmpty else {
        throw DrillError(.notMet, "Still counted as ready in \(center): \((ready + named).joined(separator: ", ")).")
      }
      return "none of \(pods.count) pods, none of \(endpoints.count) endpoints"
    }
  }
}
