import KubeModel

extension ActionCatalog {
  /// Only in mode `isolated`. Those that begin with `outside` reach the federation that serves: they stand for its customers.
  static let groundActions: [String: ActionDescription] = [
    "copy.make": .init(
      [.init("center", .center), .init("rate", .text, isRequired: false), .init("lease", .time, isRequired: false)], effect: .changes,
      probe: CopyActions.made, run: CopyActions.make
    ).sustained(CopyActions.takeUp),
    "copy.failover": .init(effect: .changes, run: CopyActions.failover),
    "copy.complete": .init(run: CopyActions.complete),
    "copy.remove": .init(effect: .changes, ends: ["copy.make"], run: CopyActions.remove),
    "prove.fence": .init(run: ProofActions.fence),
    "prove.names": .init([.init("namespace", .text), .init("service", .text)], run: ProofActions.names),
    "prove.store": .init(run: ProofActions.store),
    "lag.watch": .init(effect: .session, run: LagActions.watch),
    "lag.hold": .init(
      [.init("phase", .oneOf(LagWatch.Phase.allCases.map(\.rawValue))), .init("samples", .number)], run: LagActions.hold),
    "lag.compare": .init([.init("percent", .number)], ends: ["lag.watch"], run: LagActions.compare),
    "outside.apply": .init([.init("file", .file)], effect: .changes, run: WorkloadActions.apply),
    "outside.waitAvailable": .init([.init("namespace", .text), .init("deployment", .text)], run: WorkloadActions.waitAvailable),
    "outside.remember": .init(
      [.init("namespace", .text), .init("deployment", .text), .init("service", .text)], run: WorkloadActions.remember),
    "outside.requireActive": .init([.init("center", .center)], run: ClusterActions.requireActive),
    "outside.requests": .init(
      [.init("namespace", .text), .init("service", .text), .init("every", .time)], effect: .session, run: ProbeActions.requests),
    "outside.writes": .init([.init("namespace", .text), .init("writers", .number)], effect: .session, run: ProbeActions.writes),
    "outside.steady": .init([.init("requests", .number), .init("writes", .number)], run: ProbeActions.steady),
    "outside.verifyWrites": .init(run: VerifyActions.writes),
    "outside.stop": .init(ends: ["outside.requests", "outside.writes"], run: ProbeActions.stop),
  ]
}
