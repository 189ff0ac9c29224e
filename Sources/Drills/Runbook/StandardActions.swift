import KubeModel

extension ActionCatalog {
  public static let standard = ActionCatalog(
    clusterActions.merging(workloadActions) { one, _ in one }.merging(probeActions) { one, _ in one }
      .merging(endpointActions) { one, _ in one }.merging(faultActions) { one, _ in one }.merging(verifyActions) { one, _ in one }
      .merging(outsideActions) { one, _ in one }.merging(groundActions) { one, _ in one }
      .merging(DisasterActions.all) { one, _ in one }.merging(BackupActions.all) { one, _ in one }
      .merging(ZombieActions.all) { one, _ in one })

  private static func deployment(_ inputs: [String: String]) -> [ObjectReference] {
    reference("apps/v1/Deployment", inputs, "deployment")
  }
  private static func service(_ inputs: [String: String]) -> [ObjectReference] { reference("v1/Service", inputs, "service") }
  private static func reference(_ kind: String, _ inputs: [String: String], _ name: String) -> [ObjectReference] {
    guard let namespace: String = inputs["namespace"], let name: String = inputs[name],
      case .success(let found) = ObjectReference.parse("\(kind)/\(namespace)/\(name)")
    else { return [] }
    return [found]
  }

  private static let clusterActions: [String: ActionDescription] = [
    "cluster.requireActive": .init([.init("center", .center)], run: ClusterActions.requireActive),
    "cluster.transitions": .init([.init("atMost", .number)], run: MoveActions.transitions),
    "cluster.refused": MoveActions.refused,
    "cluster.moveTo": .init([.init("center", .center)], effect: .changes, run: ClusterActions.moveTo),
    "namespace.moveTo": .init([.init("namespace", .text), .init("center", .center)], effect: .changes, run: NamespaceActions.moveTo),
    "center.waitCaughtUp": .init([.init("center", .center)], run: ClusterActions.waitCaughtUp),
    "center.waitStandby": .init([.init("center", .center)], run: ClusterActions.waitStandby),
  ]

  private static let workloadActions: [String: ActionDescription] = [
    "workload.apply": .init([.init("file", .file)], effect: .changes, run: WorkloadActions.apply),
    "workload.remove": .init([.init("file", .file)], effect: .changes, run: WorkloadActions.remove),
    "workload.waitAvailable": .init(
      [.init("namespace", .text), .init("deployment", .text)], run: WorkloadActions.waitAvailable
    ).needing(deployment),
    "workload.remember": .init(
      [.init("namespace", .text), .init("deployment", .text), .init("service", .text)], run: WorkloadActions.remember
    ).needing { deployment($0) + service($0) },
    "object.wait": .init(
      [
        .init("object", .object), .init("condition", .text, isRequired: false), .init("path", .text, isRequired: false),
        .init("equals", .text, isRequired: false), .init("exists", .boolean, isRequired: false),
      ], run: ObjectActions.wait),
  ]

  private static let probeActions: [String: ActionDescription] = [
    "probe.requests": .init(
      [
        .init("namespace", .text), .init("service", .text), .init("every", .time), .init("as", .text, isRequired: false),
        .init("retryFor", .time, isRequired: false), .init("maxOutage", .time, isRequired: false),
        .init("maxFailed", .number, isRequired: false), .init("through", .center, isRequired: false),
      ], effect: .session, run: ProbeActions.requests
    ).needing(service),
    "probe.writes": .init([.init("namespace", .text), .init("writers", .number)], effect: .session, run: ProbeActions.writes),
    "probe.steady": .init([.init("requests", .number), .init("writes", .number)], run: ProbeActions.steady),
    "probe.watch": .init(
      [
        .init("time", .time), .init("failedRequests", .number, isRequired: false), .init("longestGap", .time, isRequired: false),
        .init("writes", .number, isRequired: false),
      ],
      run: WatchActions.watch),
    "probe.servedAtLeast": .init([.init("center", .center), .init("time", .time)], run: WatchActions.servedAtLeast),
    "probe.waitWrite": .init(run: ProbeActions.waitWrite),
    "probe.waitServed": .init([.init("requests", .number)], run: ProbeActions.waitServed),
    "probe.stop": .init(ends: ["probe.requests", "probe.writes"], run: ProbeActions.stop),
  ]

  private static let faultActions: [String: ActionDescription] = [
    "fault.centerLoss": .init([.init("center", .center)], effect: .changes, probe: FaultActions.askLoss, run: FaultActions.centerLoss),
    "fault.centerReturn": .init(
      [.init("center", .center)], effect: .changes, probe: FaultActions.askReturn, run: FaultActions.centerReturn),
    "fault.inject": InjectedFaults.inject, "fault.draw": InjectedFaults.draw, "fault.end": InjectedFaults.end,
  ]

  private static let verifyActions: [String: ActionDescription] = [
    "verify.writes": .init([.init("center", .center, isRequired: false)], run: VerifyActions.writes),
    "verify.identity": .init(run: VerifyActions.identity),
    "verify.noneReady": .init(
      [.init("center", .center), .init("namespace", .text), .init("service", .text)], run: VerifyActions.noneReady),
    "verify.namespace": .init([.init("namespace", .text), .init("center", .center)], run: NamespaceActions.verify),
    "store.check": .init(
      [.init("leader", .center, isRequired: false), .init("members", .number, isRequired: false)], run: StoreActions.check),
    "readiness.check": MoveActions.readiness,
    "certificate.check": .init(
      [.init("host", .host), .init("state", .oneOf(["good", "refused"]))], run: CertificateActions.check),
    "dns.check": .init(
      [
        .init("name", .text), .init("center", .center, isRequired: false), .init("answers", .center, isRequired: false),
      ], run: OutsideActions.dns),
  ]

  private static let endpointActions: [String: ActionDescription] = [
    "verify.endpointsGone": .init([.init("center", .center), .init("within", .time, isRequired: false)], run: EndpointActions.gone),
    "daemon.note": .init([.init("host", .host)], run: DaemonActions.note),
    "verify.daemonReplaced": .init([.init("host", .host)], run: DaemonActions.replaced),
  ]

  private static let outsideActions: [String: ActionDescription] = [
    "http.get": .init(
      [.init("url", .url), .init("status", .number, isRequired: false), .init("contains", .text, isRequired: false)],
      run: OutsideActions.httpGet),
    "http.call": .init(
      [
        .init("method", .oneOf(["POST", "PUT", "PATCH", "DELETE"])), .init("url", .url), .init("body", .text, isRequired: false),
        .init("contentType", .text, isRequired: false), .init("status", .number, isRequired: false),
        .init("probe", .url, isRequired: false), .init("probeStatus", .number, isRequired: false),
      ], effect: .changes, probe: OutsideActions.httpProbe, run: OutsideActions.httpCall),
    "host.run": .init(
      [.init("host", .host), .init("command", .command)], effect: .changes, probe: OutsideActions.hostProbe, run: OutsideActions.hostRun),
    "host.check": .init([.init("host", .host), .init("command", .command)], run: OutsideActions.hostCheck),
    "people.confirm": .init([.init("question", .text)], run: OutsideActions.confirmed),
  ]
}
