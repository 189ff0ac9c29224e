import KubeModel
import Primitives
import Site
import TLS

/// Any fault that `FaultSpec` names, as an effect of a step: under an id that follows from the step's key, with a lease that the engine
/// renews, ended by `fault.end`.
enum InjectedFaults {
  /// Beside kind, target and lease: what any kind takes.
  private static let parameters: [(name: String, kind: ActionDescription.Kind)] = [
    ("daemon", .text), ("delay", .time), ("loss", .text), ("bandwidth", .number), ("stall", .time), ("every", .time), ("seconds", .text),
    ("port", .number), ("image", .text), ("hosts", .number),
  ]
  /// Whoever leads the store when the fault begins.
  static let leader = "leader"

  static let inject = ActionDescription(
    [
      .init("kind", .oneOf(FaultSpec.Kind.allCases.map(\.rawValue))), .init("target", .text), .init("lease", .time, isRequired: false),
      // Times are counted from this fault, not from the first one.
      .init("counted", .boolean, isRequired: false),
    ] + parameters.map { .init($0.name, $0.kind, isRequired: false) },
    effect: .changes, probe: ask
  ) { context, call in
    let fault: FaultSpec = try await spec(context, call)
    return try await begin([fault], context, call)
  }.lasting.checked { inputs, site in
    switch read(inputs, site, leader: site.hosts.first?.name) {
    case .success(let fault): return fault.problems(site).map { (input(of: $0, fault), $0) }
    case .failure(let error): return [("target", error.message)]
    }
  }

  static let draw = ActionDescription(
    [.init("seed", .text), .init("count", .number), .init("lease", .time, isRequired: false)], effect: .changes, probe: ask
  ) { context, call in
    let faults: [FaultSpec] = FaultDraw.faults(
      seed: call["seed"], count: call.number("count") ?? 1, lease: lease(call.inputs), site: context.site)
    return "seed \(call["seed"]): " + (try await begin(faults, context, call))
  }.lasting.checked { inputs, site in
    let most: Int = FaultDraw.most(site)
    let count: Int = inputs["count"].flatMap { Int($0) } ?? 0
    return (1...most).contains(count) ? [] : [("count", "1 to \(most) faults can be drawn for this site, not \(count)")]
  }

  static let end = ActionDescription([.init("step", .text, isRequired: false)], effect: .changes) { context, call in
    let step: String = call.inputs["step"] ?? call.step
    guard let key: String = context.plan.steps.first(where: { $0.id == step })?.key else {
      throw DrillError(.badRunbook, "There is no step \(step) in this plan whose fault could be ended.")
    }
    await Milestones.gather(context)
    var said: [String] = []
    for handle in try await mine(context, key) {
      said.append(try await context.faults.undo(handle))
      context.note("fault ends", center: center(of: handle.fault, context), "\(handle.fault)")
    }
    context.state.withLock { state in
      if state.lostStep == step { (state.lostCenter, state.lostStep) = (nil, nil) }
    }
    return said.isEmpty ? "it had ended" : said.joined(separator: "; ")
  }.endingStep(in: "step")

  // MARK: Which fault

  static func lease(_ inputs: [String: String]) -> Duration {
    inputs["lease"].flatMap { Duration(siteText: $0) } ?? DrillLimits.faultLease
  }

  static func read(_ inputs: [String: String], _ site: Site, leader host: HostName?) -> Result<FaultSpec, DrillError> {
    let text: String = inputs["target"] ?? ""
    guard let kind = FaultSpec.Kind(rawValue: inputs["kind"] ?? "") else {
      return .failure(DrillError(.badRunbook, "no fault is called \(inputs["kind"] ?? "")"))
    }
    let isLeader: Bool = text == leader
    guard let target: FaultSpec.Target = isLeader ? host.map({ .hosts([$0]) }) : FaultSpec.Target(text, site: site) else {
      let known: String =
        "centers \(site.centers.map(\.name.value).joined(separator: ", ")); hosts "
        + site.hosts.map(\.name.value).joined(separator: ", ")
      return .failure(
        DrillError(
          .badRunbook,
          "\"\(text)\" is no center, no hosts, not `leader` and no line such as `production <-> local-dr` of this site (\(known))"))
    }
    let given: [String: String] = inputs.filter { input in parameters.contains { $0.name == input.key } }
    return .success(FaultSpec(kind, target, given, lease: lease(inputs)))
  }

  /// The input that a problem of a fault speaks of, so that it is told with its line.
  private static func input(of problem: String, _ fault: FaultSpec) -> String {
    if problem.hasPrefix("a fault lasts") { return "lease" }
    if let name = fault.parameters.keys.first(where: {
      problem.contains(", \($0):") || problem.contains("takes no \($0),")
    }) {
      return name
    }
    return problem.contains(" needs ") ? "kind" : "target"
  }

  private static func spec(_ context: DrillContext, _ call: StepCall) async throws -> FaultSpec {
    let host: HostName? = call["target"] == leader ? try await leadingHost(context, call) : nil
    return try read(call.inputs, context.site, leader: host).get()
  }

  private static func leadingHost(_ context: DrillContext, _ call: StepCall) async throws -> HostName {
    // A runner before chose it.
    if let known: String = context.state.withLock({ $0.facts["leader.\(call.step)"]?.string }) { return HostName(known) }
    let found: HostName = try await context.until(call.deadline) {
      let leaders: Set<String> = Set(await StoreMember.ask(context).filter { $0.role == "leader" }.map(\.host.value))
      guard leaders.count == 1, let leader: String = leaders.first else {
        throw DrillError(.notMet, "\(leaders.count) members say that they lead the store.")
      }
      return HostName(leader)
    }
    context.state.withLock { $0.facts["leader.\(call.step)"] = .string(found.value) }
    return found
  }

  // MARK: What is in force

  /// The same for every attempt of one effect.
  static func id(_ key: String, _ number: Int) -> String { "drill-\(SHA256.hexadecimal(Bytes(key)).prefix(16))-\(number)" }

  private static func mine(_ context: DrillContext, _ key: String) async throws -> [FaultHandle] {
    let prefix: String = id(key, 0).dropLast().description
    return try await context.faults.faults().filter { $0.id.hasPrefix(prefix) }
  }

  /// The center that is dark or stands still as a whole: whoever serves is another one.
  private static func taken(_ fault: FaultSpec, _ site: Site) -> CenterName? {
    switch fault.kind {
    case .powerOff, .freezeHost: break
    case .killProcess, .freezeProcess: guard fault.parameters["daemon"] == "center" else { return nil }
    default: return nil
    }
    let hosts: Set<HostName> = Set(fault.hosts(site))
    return site.centers.first { center in center.hosts.allSatisfy { hosts.contains($0.name) } }?.name
  }

  private static func center(of fault: FaultSpec, _ context: DrillContext) -> String {
    switch fault.target {
    case .center(let center): center.value
    case .hosts(let hosts): hosts.first.flatMap { context.site.center(of: $0)?.name.value } ?? ""
    case .line: ""
    }
  }

  private static func begin(_ faults: [FaultSpec], _ context: DrillContext, _ call: StepCall) async throws -> String {
    await FaultActions.recordRaft(context, "Before")
    let began: MonotonicTime = context.clock.now()
    var said: [String] = []
    for (number, fault) in faults.enumerated() {
      context.note("fault", center: center(of: fault, context), "\(fault)")
      let handle: FaultHandle
      do {
        handle = try await context.faults.inject(fault, id: id(call.key, number))
      } catch {
        // All of them or none.
        for handle in (try? await mine(context, call.key)) ?? [] { _ = try? await context.faults.undo(handle) }
        throw error
      }
      said.append(handle.sentence)
    }
    let ended: MonotonicTime = context.clock.now()
    context.state.withLock { state in
      state.lastFault = ended
      if state.faultBegan == nil || call["counted"] == "true" {
        (state.faultBegan, state.faultEnded, state.milestones) = (began, ended, [:])
      }
      state.facts["fault.\(call.step)"] = .array(faults.map { .string("\($0)") })
      if let center: CenterName = faults.compactMap({ taken($0, context.site) }).first {
        (state.lostCenter, state.lostStep) = (center, call.step)
      }
    }
    return said.joined(separator: "; ")
  }

  private static func count(_ context: DrillContext, _ call: StepCall) -> Int {
    guard call.inputs["kind"] == nil else { return 1 }
    return FaultDraw.faults(seed: call["seed"], count: call.number("count") ?? 1, lease: lease(call.inputs), site: context.site).count
  }

  @Sendable private static func ask(_ context: DrillContext, _ call: StepCall) async throws -> ActionDescription.Answer {
    let found: [FaultHandle] = try await mine(context, call.key)
    return found.count == count(context, call) ? .happened(found.map(\.sentence).joined(separator: "; ")) : .notHappened
  }

  @Sendable fileprivate static func renew(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let found: [FaultHandle] = try await mine(context, call.key)
    let wanted: Int = count(context, call)
    guard found.count == wanted else {
      throw DrillError(
        .notMet, "\(wanted - found.count) of \(wanted) faults ended by themselves: nobody had renewed them for \(lease(call.inputs)).")
    }
    for handle in found { _ = try await context.faults.renew(handle) }
    return "renewed"
  }

  /// A runner took over. What ended by itself meanwhile begins again, and the timeline says so.
  @Sendable fileprivate static func takeUp(_ context: DrillContext, _ call: StepCall) async throws -> String {
    if (try? await renew(context, call)) != nil { return "goes on" }
    context.note("fault again", "it had ended by itself while no runner renewed it")
    let action: ActionDescription = call.inputs["kind"] == nil ? draw : inject
    return "it had ended by itself and begins again: " + (try await action.run(context, call))
  }
}

extension ActionDescription {
  /// It lasts as long as it is renewed, three times within its lease.
  fileprivate var lasting: Self {
    sustained(InjectedFaults.takeUp).renewed(every: { InjectedFaults.lease($0) / 3 }, InjectedFaults.renew)
  }
}
