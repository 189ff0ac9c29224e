import Federation
import KubeClient
import KubeModel
import Primitives
import Site

/// Moves of one namespace, and where its exclusive pods are.
enum NamespaceActions {
  /// Asks for an evacuation if the namespace is elsewhere, and waits until its pods run there.
  @Sendable static func moveTo(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (namespace, wanted): (String, String) = (call["namespace"], call["center"])
    func current() async throws -> ActivationRecord { try ActivationRecord(await ClusterActions.activation(context)) }
    let before: ActivationRecord = try await context.until(call.deadline) {
      let record: ActivationRecord = try await current()
      guard record.home(of: namespace) != nil else { throw DrillError(.notMet, "\(namespace) is being moved.") }
      return record
    }
    let source: CenterName? = before.home(of: namespace)
    if source?.value != wanted {
      try await ClusterActions.askToMove(
        context, call,
        [
          "from": .string(source?.value ?? ""), "to": .string(wanted), "kind": "evacuate", "epoch": .int(before.epoch),
          "namespace": .string(namespace),
        ])
    }
    return try await context.until(call.deadline) {
      let record: ActivationRecord = try await current()
      guard let home: CenterName = record.home(of: namespace), home.value == wanted else {
        if let refusal: String = try await ClusterActions.refusal(context, call) { throw DrillError(.refused, refusal) }
        throw DrillError(.notMet, "\(namespace) is in \(record.home(of: namespace)?.value ?? "nobody's hands"), not in \(wanted).")
      }
      let pods: [KubeObject] = try await exclusivePods(context, namespace)
      let open: [String] = pods.filter { !isThere($0, context, wanted) }.map(\.name)
      guard open.isEmpty else { throw DrillError(.notMet, "Not in \(wanted) yet: \(open.sorted().joined(separator: ", ")).") }
      context.note("namespace", center: wanted, "\(namespace), \(pods.count) exclusive pods")
      return "\(namespace) is in \(wanted) with \(pods.count) exclusive pods"
        + (source == home ? "" : ", moved there from \(source?.value ?? "?")")
    }
  }

  /// The namespace's exclusive pods, and the endpoints that are ready, are in the center and nowhere else.
  @Sendable static func verify(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (namespace, wanted): (String, String) = (call["namespace"], call["center"])
    let hosts: Set<String> = Set((context.site.center(call.center)?.hosts ?? []).map(\.name.value))
    return try await context.until(call.deadline) {
      let record = try ActivationRecord(await ClusterActions.activation(context))
      guard record.home(of: namespace)?.value == wanted else {
        throw DrillError(.notMet, "\(namespace) is in \(record.home(of: namespace)?.value ?? "nobody's hands"), not in \(wanted).")
      }
      let pods: [KubeObject] = try await exclusivePods(context, namespace)
      let elsewhere: [String] = pods.filter { !isThere($0, context, wanted) }.map {
        "\($0.name) on \($0.spec["nodeName"].string ?? "no node")"
      }
      let slices: [KubeObject] = try await context.client.list(.endpointSlices, namespace: namespace).items
      let endpoints: [JSONValue] = slices.filter { $0.labels[WorkloadTier.annotation] == nil }.flatMap { $0["endpoints"].array }
        .filter { $0["conditions"]["ready"].bool != false }
      let foreign: [String] = endpoints.filter { !hosts.contains($0["nodeName"].string ?? "") }.compactMap { $0["addresses"][0].string }
      guard !pods.isEmpty, elsewhere.isEmpty, foreign.isEmpty else {
        throw DrillError(
          .notMet,
          pods.isEmpty ? "\(namespace) has no exclusive pod." : "Not in \(wanted): \((elsewhere + foreign).joined(separator: ", ")).")
      }
      return "\(pods.count) pods, \(endpoints.count) ready endpoints, all in \(wanted)"
    }
  }

  private static func exclusivePods(_ context: DrillContext, _ namespace: String) async throws -> [KubeObject] {
    try await context.client.list(.pods, namespace: namespace).items.filter {
      !WorkloadTier($0).isEverywhere && !["Succeeded", "Failed"].contains($0.status["phase"].string ?? "")
    }
  }

  private static func isThere(_ pod: KubeObject, _ context: DrillContext, _ center: String) -> Bool {
    let hosts: [HostName] = context.site.center(CenterName(center))?.hosts.map(\.name) ?? []
    return hosts.contains { $0.value == pod.spec["nodeName"].string } && pod.status["phase"].string == "Running"
  }
}
