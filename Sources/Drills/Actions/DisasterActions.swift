import Federation
import KubeClient
import KubeModel
import Primitives
import Site
import TLS

/// The loss of a city, the recovery without its majority, and its return.
enum DisasterActions {
  static let all: [String: ActionDescription] = [
    "fault.cityLoss": ActionDescription([.init("city", .city)], effect: .changes, probe: askLoss, run: cityLoss),
    "fault.cityReturn": ActionDescription([.init("city", .city)], effect: .changes, probe: askReturn, run: cityReturn),
    "disaster.recover": ActionDescription(
      [.init("center", .center), .init("host", .host, isRequired: false)], effect: .changes, run: recover
    ).mending,
    "disaster.refused": ActionDescription([.init("center", .center)], run: refused),
    "cluster.reprotect": ActionDescription([.init("center", .center)], effect: .changes, run: reprotect),
    "store.everybodyVotes": ActionDescription(run: everybodyVotes),
    "verify.accounted": ActionDescription([.init("city", .city)], run: accounted),
  ]

  private static func centers(_ context: DrillContext, _ call: StepCall) -> [Center] {
    context.site.centers.filter { $0.city == call["city"] }
  }

  /// All of its centers at one instant. What is dark already stays so.
  @Sendable private static func cityLoss(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let lost: [CenterName] = centers(context, call).map(\.name)
    let active: ActivationRecord? = try? ActivationRecord(await ClusterActions.activation(context))
    let began: MonotonicTime = context.clock.now()
    for center in lost { context.note("fault", center: center.value, "the loss of \(call["city"]) begins", at: began) }
    let said: [String] = try await withThrowingTaskGroup(of: String.self) { group in
      for center in lost { group.addTask { "\(center): \(try await context.faults.lose(center))" } }
      return try await group.reduce(into: []) { $0.append($1) }.sorted()
    }
    let ended: MonotonicTime = context.clock.now()
    context.state.withLock { state in
      state.lostCenter = active.flatMap { lost.contains($0.center) ? $0.center : nil } ?? lost.first
      (state.faultBegan, state.faultEnded) = (began, ended)
    }
    return said.joined(separator: "; ")
  }

  /// All of it or what is left: losing and giving back go on where a runner before broke off.
  @Sendable private static func askLoss(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    let all: [Center] = centers(context, call)
    for center in all { guard try await context.faults.state(of: center.name) == .lost else { return .notHappened } }
    let now: MonotonicTime = context.clock.now()
    context.state.withLock { state in
      state.lostCenter = state.lostCenter ?? all.first?.name
      (state.faultBegan, state.faultEnded) = (state.faultBegan ?? now, state.faultEnded ?? now)
    }
    return .happened("\(call["city"]) is without power and lines")
  }

  @Sendable private static func askReturn(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    for center in centers(context, call) {
      guard try await context.faults.state(of: center.name) == .whole else { return .notHappened }
    }
    return .happened("\(call["city"]) has its power and its lines")
  }

  @Sendable private static func cityReturn(_ context: DrillContext, _ call: StepCall) async throws -> String {
    await Milestones.gather(context)
    var said: [String] = []
    for center in centers(context, call) {
      said.append(try await context.faults.giveBack(center.name))
      context.note("return", center: center.name.value)
    }
    return said.joined(separator: "; ")
  }

  // MARK: The recovery

  private static func command(_ context: DrillContext, _ center: String) -> [String] {
    [
      "{program}", "disaster", "recover", "--site", "{site}", "--pki", "{pki}", "--host", "{host}", "--center", center, "--confirm",
      context.runbook.cluster, "--certificate", "{keep}", "--drill", context.plan.run, "--output", "json",
    ]
  }

  private static func host(_ context: DrillContext, _ call: StepCall) throws -> HostName {
    let host: HostName? = call["host"].isEmpty ? context.site.center(call.center)?.hosts.first?.name : HostName(call["host"])
    guard let host else { throw DrillError(.badRunbook, "\(call["center"]) has no host.") }
    return host
  }

  /// The verb looks itself what was done before, so asking again does nothing twice.
  @Sendable private static func recover(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let seconds: Int64 = max(5, (call.deadline - context.clock.now()).components.seconds - 5)
    let words: [String] = command(context, call["center"]) + ["--timeout", String(seconds), "--by", "runbook \(context.runbook.id)"]
    let executor: any HostExecutor = try HostActions.executor(context)
    let began: MonotonicTime = context.clock.now()
    context.note("disaster", center: call["center"], "recovery begins", at: began)
    let said: HostOutput = try await executor.output(words, on: try host(context, call), timeout: call.deadline - began)
    let found: JSONValue = (try? JSONValue.parse(Bytes(said.output))) ?? .null
    guard said.status == 0 else {
      throw DrillError(
        .failed,
        "tricenter disaster recover ended with status \(said.status): \(found["message"].string ?? said.errors.suffix(500).description)")
    }
    var at: MonotonicTime = began
    for phase in found["phases"].array {
      at = at + .milliseconds(phase["milliseconds"].int ?? 0)
      context.note("disaster", center: call["center"], "\(phase["name"].string ?? ""): \(phase["detail"].string ?? "")", at: at)
    }
    let certificate: JSONValue = found["certificate"]
    context.state.withLock { state in
      state.facts["recovery"] = [
        "storeEpoch": found["storeEpoch"], "milliseconds": found["milliseconds"], "phases": found["phases"], "before": found["before"],
        "after": found["after"], "mayBeLost": certificate["mayBeLost"], "lastRevision": certificate["lastRevision"],
      ]
      state.facts["epochAfter"] = found["after"]["epoch"]
    }
    return "\(found["message"].string ?? ""): \(found["workload"].string ?? "")"
  }

  /// While anybody outside the center answers, it must refuse, name who, and change nothing.
  @Sendable private static func refused(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let executor: any HostExecutor = try HostActions.executor(context)
    let words: [String] = command(context, call["center"]) + ["--dry-run"]
    let said: HostOutput = try await executor.output(words, on: try host(context, call), timeout: call.deadline - context.clock.now())
    let found: JSONValue = (try? JSONValue.parse(Bytes(said.output))) ?? .null
    let signs: [JSONValue] = found["blocking"].array.filter { $0["rule"].string == "life-sign" }
    guard said.status == 2, !signs.isEmpty else {
      throw DrillError(.notMet, "It was not refused but ended with status \(said.status): \(found["message"].string ?? said.errors)")
    }
    let hosts: Set<String> = Set(signs.compactMap { $0["object"].string })
    return "refused, since \(hosts.sorted().joined(separator: ", ")) answer"
  }

  // MARK: The return

  /// One Failover per effect: its name follows from the key.
  @Sendable private static func reprotect(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let name = "drill-\(SHA256.hexadecimal(Bytes(call.key)).prefix(12))-reprotect"
    let failover = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)],
      "spec": [
        "cluster": .string(context.runbook.cluster), "to": .string(call["center"]), "kind": "reprotect",
        "reason": .string("runbook \(context.runbook.id), step \(call.step)"), "drill": .string(context.plan.run),
      ],
    ])
    return try await context.until(call.deadline) {
      guard let found: KubeObject = try await context.client.find(.failovers, name: name) else {
        do {
          _ = try await context.client.create(.failovers, failover)
        } catch let error as KubeError where error.code == .alreadyExists {
          // An answer that was lost: it is ours.
        }
        throw DrillError(.notMet, "\(name) was asked for.")
      }
      switch found.status["phase"].string ?? "" {
      case "Completed": return found.status["message"].string ?? ""
      case "Refused", "Failed": throw DrillError(.refused, "Failover \(name): \(found.status["message"].string ?? "")")
      default: throw DrillError(.notMet, "Failover \(name): \(found.status["message"].string ?? "it is not over")")
      }
    }
  }

  @Sendable private static func everybodyVotes(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let wanted: Int = context.site.hosts.count
    return try await context.until(call.deadline) {
      let members: [StoreMember] = await StoreMember.ask(context)
      let voters: Set<HostName> = Set(context.site.hosts.filter(\.voter).map(\.name))
      let waiting: [StoreMember] = members.filter { voters.contains($0.host) && $0.role != "leader" && $0.role != "follower" }
      guard members.count == wanted, waiting.isEmpty else {
        let told: String = waiting.map { "\($0.host) is \($0.role)" }.joined(separator: ", ")
        throw DrillError(.notMet, "\(members.count) of \(wanted) members answer; \(told)")
      }
      return "\(members.count) members, each with its vote"
    }
  }

  /// Every acknowledged write is in the cluster, or in what a returned member has handed in: nothing vanished without a trace.
  @Sendable private static func accounted(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (probe, recovery) = context.state.withLock { ($0.writes, $0.facts["recovery"] ?? .null) }
    guard let probe else { throw DrillError(.notMet, "No writer ran.") }
    guard let epoch: Int64 = recovery["storeEpoch"].int else { throw DrillError(.notMet, "No recovery was carried out.") }
    let acknowledged: [WriteProbe.Acknowledged] = probe.acknowledged
    let missing: [WriteProbe.Acknowledged] = try await context.until(call.deadline) {
      let stored: [KubeObject] = try await context.client.list(.configMaps, namespace: probe.namespace, labelSelector: probe.selector).items
      let byName: [String: KubeObject] = Dictionary(stored.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return acknowledged.filter { byName[$0.name]?.uid != $0.uid }
    }
    context.noteLost(missing, count: missing.count)
    let (first, last): (Int64, Int64) = (recovery["mayBeLost"]["firstRevision"].int ?? 0, recovery["mayBeLost"]["lastRevision"].int ?? .max)
    let outside: [String] = missing.filter { $0.revision.map { !(first...last).contains($0) } ?? true }.map(\.name)
    guard outside.isEmpty else {
      throw DrillError(
        .refused,
        "\(outside.count) acknowledged writes are lost that the certificate does not speak of: \(outside.prefix(5).joined(separator: ", "))."
      )
    }
    let handedIn: Set<String> = try await names(centers(context, call).flatMap(\.hosts), epoch, probe.namespace, context, call)
    let gone: [String] = missing.map(\.name).filter { !handedIn.contains($0) }
    context.state.withLock { $0.facts["handedIn"] = .int(Int64(missing.count - gone.count)) }
    guard gone.isEmpty else {
      throw DrillError(
        .refused, "\(gone.count) acknowledged writes are neither there nor handed in: \(gone.prefix(5).joined(separator: ", ")).")
    }
    return "\(acknowledged.count) acknowledged, \(missing.count) lost in the recovery, all of them certified and handed in"
  }

  /// Names of the ConfigMaps in `diverged-EPOCH.jsonl` of these hosts.
  private static func names(
    _ hosts: [Host], _ epoch: Int64, _ namespace: String, _ context: DrillContext, _ call: StepCall
  ) async throws -> Set<String> {
    let executor: any HostExecutor = try HostActions.executor(context)
    let folder = "/configmaps/\(namespace)/"
    var names: Set<String> = []
    for host in hosts {
      let said: HostOutput = try await context.until(call.deadline, every: .seconds(1)) {
        let said: HostOutput = try await executor.output(["cat", "{data}/diverged-\(epoch).jsonl"], on: host.name, timeout: .seconds(30))
        guard said.status == 0 else { throw DrillError(.notMet, "\(host.name) has handed in nothing yet: \(said.errors.prefix(200))") }
        return said
      }
      for line in said.output.split(separator: "\n") {
        guard let key: String = (try? JSONValue.parse(Bytes(line.utf8)))?["key"].string, let place = key.ranges(of: folder).first else {
          continue
        }
        names.insert(String(key[place.upperBound...]))
      }
    }
    return names
  }
}

/// Programs of the federation's own on hosts.
enum HostActions {
  static func executor(_ context: DrillContext) throws -> any HostExecutor {
    guard let executor: any HostExecutor = context.executor else {
      throw DrillError(
        .refused,
        "Nothing says how to run a program on a host here: the site file needs `hostCommand`, such as [ssh, -o, BatchMode=yes, \"{address}\"]."
      )
    }
    return executor
  }
}
