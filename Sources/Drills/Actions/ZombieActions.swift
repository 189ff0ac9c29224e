import Federation
import KubeModel
import Primitives
import Site

/// A center that comes back believing that it is active.
enum ZombieActions {
  static let all: [String: ActionDescription] = [
    "verify.harmless": ActionDescription(
      [.init("center", .center), .init("time", .time), .init("namespace", .text), .init("service", .text)], run: harmless)
  ]

  /// Everything that the center did and must not do, and whether it answered.
  private struct Look: Sendable {
    var offences: [String] = []
    var isReached: Bool = false
  }

  /// Looks on for `time`, which is the measurement itself: the activation stays what it is, nobody of the center leads the store or the
  /// controllers, says that it is active, or answers a request from a pod of its own, and no pod of it counts as ready.
  @Sendable private static func harmless(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let service: KubeObject = try await context.until(call.deadline) {
      try await context.client.get(.services, namespace: call["namespace"], name: call["service"])
    }
    guard let port: Int64 = service.spec["ports"][0]["nodePort"].int, port > 0 else {
      throw DrillError(.notMet, "Service \(call["namespace"])/\(call["service"]) has no NodePort.")
    }
    let first: ActivationRecord = try await context.until(call.deadline) { try ActivationRecord(await ClusterActions.activation(context)) }
    let began: MonotonicTime = context.clock.now()
    let end: MonotonicTime = began + (Duration(siteText: call["time"]) ?? .zero)
    guard end < call.deadline else { throw DrillError(.badRunbook, "The step's timeout is over before \(call["time"]) are.") }
    guard first.center != call.center else { throw DrillError(.refused, "\(call["center"]) is active, epoch \(first.epoch).") }
    return try await withThrowingTaskGroup(of: (activations: Int, looks: Int, reached: Int).self) { group in
      group.addTask { (try await steady(context, first, until: end), 0, 0) }
      group.addTask {
        var (looks, reached): (Int, Int) = (0, 0)
        while context.clock.now() < end {
          let look: Look = await look(context, call, port: Int(port))
          guard look.offences.isEmpty else {
            let after = Int((context.clock.now() - began).inMilliseconds)
            throw DrillError(.refused, "\(after) ms into it: \(look.offences.joined(separator: "; ")).")
          }
          looks += 1
          reached += look.isReached ? 1 : 0
          try await Task.sleep(for: DrillLimits.zombieLook)
        }
        return (0, looks, reached)
      }
      var all: (activations: Int, looks: Int, reached: Int) = (0, 0, 0)
      for try await one in group {
        all = (all.activations + one.activations, all.looks + one.looks, all.reached + one.reached)
      }
      guard all.activations > 0 else { throw DrillError(.notMet, "The activation could not be read once within \(call["time"]).") }
      return
        "\(first.center) stayed active under epoch \(first.epoch), read \(all.activations) times; \(call["center"]) changed nothing at "
        + "\(all.looks) looks, at \(all.reached) of which it answered"
    }
  }

  /// The activation over and over; how often it could be read.
  private static func steady(_ context: DrillContext, _ first: ActivationRecord, until end: MonotonicTime) async throws -> Int {
    var count: Int = 0
    while context.clock.now() < end {
      if let found = try? ActivationRecord(await ClusterActions.activation(context)) {
        count += 1
        guard found.center == first.center, found.epoch == first.epoch else {
          throw DrillError(
            .refused, "\(found.center) is active under epoch \(found.epoch), after \(first.center) under epoch \(first.epoch).")
        }
      }
      try await Task.sleep(for: DrillLimits.zombieLook)
    }
    return count
  }

  private static func look(_ context: DrillContext, _ call: StepCall, port: Int) async -> Look {
    let hosts: [Host] = context.site.center(call.center)?.hosts ?? []
    let names: Set<String> = Set(hosts.map(\.name.value))
    async let members: [StoreMember] = StoreMember.ask(context)
    async let objects: [String] = inCluster(context, names)
    async let inside: [String] = answers(context, call, hosts, port)
    async let beliefs: [(HostName, Bool)] = believing(context, hosts)
    var look = Look()
    for member in await members where member.role == "leader" && names.contains(member.host.value) {
      look.offences.append("\(member.host) leads the store, term \(member.term)")
    }
    look.offences += await objects
    look.offences += await inside
    for (host, isActive) in await beliefs {
      look.isReached = true
      if isActive { look.offences.append("\(host) says that its center is active") }
    }
    return look
  }

  private static func believing(_ context: DrillContext, _ hosts: [Host]) async -> [(HostName, Bool)] {
    var found: [(HostName, Bool)] = []
    for host in hosts {
      guard let status: JSONValue = try? await context.hostStatus(host, timeout: .milliseconds(300)) else { continue }
      found.append((host.name, status["activation"]["activeHere"].bool == true))
    }
    return found
  }

  /// Leader leases that it holds under the epoch in force, and pods of it that count as ready.
  private static func inCluster(_ context: DrillContext, _ hosts: Set<String>) async -> [String] {
    var offences: [String] = []
    let leases: [KubeObject] = (try? await context.client.list(.leases, namespace: ActivationRecord.namespace).items) ?? []
    let epoch: Int64 =
      leases.first { $0.name == ActivationRecord.name(cluster: context.runbook.cluster) }?.spec["leaseTransitions"].int ?? 0
    for lease in leases where lease.annotations["federation.tricenter.io/epoch"] == String(epoch) {
      let holder: String = lease.spec["holderIdentity"].string ?? ""
      if hosts.contains(holder.split(separator: "/").first.map(String.init) ?? "") {
        offences.append("\(holder) leads under epoch \(epoch)")
      }
    }
    let pods: [KubeObject] = (try? await context.client.list(.pods).items) ?? []
    let ready: [String] = pods.filter {
      hosts.contains($0.spec["nodeName"].string ?? "") && Pods.isReady($0) && !WorkloadTier($0).isEverywhere
    }.map(\.key)
    if !ready.isEmpty { offences.append("\(ready.joined(separator: ", ")) count as ready there") }
    return offences
  }

  /// Asked on its own hosts, past every line that is cut: what answers there must be another center's pod.
  private static func answers(_ context: DrillContext, _ call: StepCall, _ hosts: [Host], _ port: Int) async -> [String] {
    guard let executor: any HostExecutor = context.executor else { return [] }
    var offences: [String] = []
    for host in hosts {
      let words: [String] = ["busybox", "wget", "-q", "-T", "1", "-O", "-", "http://\(host.address):\(port)/"]
      guard let said: HostOutput = try? await executor.output(words, on: host.name, timeout: .seconds(3)), said.status == 0 else {
        continue
      }
      let center: String = (try? JSONValue.parse(Bytes(said.output)))?["center"].string ?? ""
      if center == call["center"] { offences.append("a pod of \(center) answered on \(host.name)") }
    }
    return offences
  }
}
