import KubeModel
import Primitives
import Site
import TLS

/// A runbook as it is run: one variant, every value filled in.
public struct RunPlan: Sendable {
  public enum Mode: String, Sendable, CaseIterable {
    /// Looks at what must hold before the first steps, and does nothing.
    case precheck
    /// Tells what every step would do, and does nothing.
    case dryRun = "dry-run"
    /// Only in an isolated copy of the cluster.
    case isolated
    case live
  }

  public struct Step: Sendable {
    public var id: String
    public var title: String
    public var call: Runbook.Call
    /// Places in `steps`.
    public var dependsOn: [Int]
    public var preconditions: [Runbook.Call]
    public var postconditions: [Runbook.Call]
    public var expected: Duration?
    public var retry: Runbook.Retry
    public var key: String
    public var compensation: Runbook.Call?
    public var approval: Runbook.Approval?
    public var evidence: [EvidenceSource]
    public var always: Bool
    public var effect: ActionDescription.Effect
    /// A runner that takes over has to take it up, too.
    public var isSustained: Bool
    /// How often what it did must be renewed so that it lasts; nil: it lasts by itself.
    public var renewEvery: Duration?
    /// Actions whose sessions it ends.
    public var ends: [String]
    /// The step whose effect it ends.
    public var endsStep: String?
    public var line: Int
    /// It does not wait for a store that it mends.
    public var mendsStore: Bool = false
  }

  public var run: String
  public var runbook: Runbook
  public var mode: Mode
  /// Empty where the runbook has none.
  public var variant: String
  /// What was given for parameters; defaults are not in it.
  public var given: [String: String]
  public var values: [String: String]
  public var commands: [String: Runbook.HostCommand]
  public var steps: [Step]

  /// Throws `DrillError` with every reason why it cannot be run so.
  public init(
    _ runbook: Runbook, run: String, mode: Mode? = nil, variant: String? = nil, parameters: [String: String] = [:], site: Site,
    actions: ActionCatalog = .standard
  ) throws {
    var reasons: [String] = []
    let chosen: Runbook.Variant? = Self.choose(variant, of: runbook, &reasons)
    var values: [String: String] = [:]
    for parameter in runbook.parameters {
      let text: String? = parameters[parameter.name] ?? chosen?.parameters[parameter.name] ?? parameter.standard
      guard let text else {
        reasons.append("parameter \(parameter.name) (\(parameter.kind)) must be given: --set \(parameter.name)=…")
        continue
      }
      if let reason: String = parameter.kind.objection(to: text, site: site) { reasons.append("parameter \(parameter.name): \(reason)") }
      values[parameter.name] = text
    }
    for name in parameters.keys.sorted() where runbook.parameter(name) == nil {
      let known: String = runbook.parameters.map(\.name).joined(separator: ", ")
      reasons.append("the runbook has no parameter \(name)\(known.isEmpty ? "" : "; it has \(known)")")
    }
    self.run = run
    self.runbook = runbook
    self.mode = mode ?? runbook.mode ?? .live
    self.variant = chosen?.name ?? ""
    given = parameters
    self.values = values
    commands = [:]
    steps = []
    if reasons.isEmpty {
      commands = runbook.commands.mapValues { command in
        Runbook.HostCommand(
          run: command.run.map { fill($0, step: "") }, probe: command.probe?.map { fill($0, step: "") }, place: command.place)
      }
      steps = arrange(runbook, actions)
      reasons += inputReasons(site, actions)
      reasons += isolationReasons
    }
    guard reasons.isEmpty else {
      throw DrillError(.refused, "\(runbook.id) cannot be run so: \(reasons.joined(separator: "; ")).")
    }
  }

  private static func choose(_ name: String?, of runbook: Runbook, _ reasons: inout [String]) -> Runbook.Variant? {
    let names: String = runbook.variants.map(\.name).joined(separator: ", ")
    guard let name, !name.isEmpty else {
      if runbook.variants.count > 1 { reasons.append("it has the variants \(names): choose one with --variant") }
      return runbook.variants.first
    }
    let found: Runbook.Variant? = runbook.variants.first { $0.name == name }
    if found == nil { reasons.append("it has no variant \(name)\(names.isEmpty ? "" : "; it has \(names)")") }
    return found
  }

  func fill(_ text: String, step: String) -> String {
    Substitution.replace(text) { name in name == "run" ? run : name == "step" ? step : values[name] }
  }

  private func fill(_ call: Runbook.Call, step: String) -> Runbook.Call {
    var call: Runbook.Call = call
    call.inputs = call.inputs.mapValues { fill($0, step: step) }
    return call
  }

  /// The variant's steps. What waited for a step that is not in it waits for what that one waited for.
  private func arrange(_ runbook: Runbook, _ actions: ActionCatalog) -> [Step] {
    let isIn: [Bool] = runbook.steps.map { variant.isEmpty || $0.variants.isEmpty || $0.variants.contains(variant) }
    let byID: [String: Int] = Dictionary(runbook.steps.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { one, _ in one })
    var places: [Int: Int] = [:]
    for index in runbook.steps.indices where isIn[index] { places[index] = places.count }
    func waitsFor(_ index: Int) -> Set<Int> {
      let direct: [Int] =
        runbook.steps[index].dependsOn.map { $0.compactMap { byID[$0] } } ?? (index == 0 ? [] : [index - 1])
      return direct.reduce(into: []) { found, other in
        if let place: Int = places[other] { found.insert(place) } else { found.formUnion(waitsFor(other)) }
      }
    }
    return runbook.steps.indices.filter { isIn[$0] }.map { index in
      let step: Runbook.Step = runbook.steps[index]
      let endsStep: String? = step.call.endsStep(of: step.id, actions)
      // What a step ends has begun, and nobody is at it.
      let ended: Int? = endsStep.flatMap { byID[$0] }.flatMap { places[$0] }
      let dependsOn: [Int] = waitsFor(index).union(ended.map { [$0] } ?? []).subtracting([places[index] ?? -1]).sorted()
      // Only a run that is meant does anything, asks anybody and undoes anything.
      let isMeant: Bool = mode == .live || mode == .isolated
      let looksBefore: Bool = isMeant || (mode == .precheck && dependsOn.isEmpty)
      return Step(
        id: step.id, title: fill(step.title, step: step.id), call: fill(step.call, step: step.id), dependsOn: dependsOn,
        preconditions: looksBefore ? step.preconditions.map { fill($0, step: step.id) } : [],
        postconditions: isMeant ? step.postconditions.map { fill($0, step: step.id) } : [],
        expected: step.expected, retry: isMeant ? step.retry : Runbook.Retry(),
        key: step.idempotencyKey.map { fill($0, step: step.id) } ?? "\(run)/\(step.id)",
        compensation: isMeant ? step.compensation.map { fill($0, step: step.id) } : nil, approval: isMeant ? step.approval : nil,
        evidence: isMeant ? step.evidence : [], always: step.always, effect: isMeant ? actions[step.action]?.effect ?? .none : .none,
        isSustained: isMeant && (actions[step.action]?.effect == .session || actions[step.action]?.sustain != nil),
        renewEvery: isMeant ? actions[step.action]?.renewal?.every(fill(step.call, step: step.id).inputs) : nil,
        ends: actions[step.action]?.ends ?? [], endsStep: endsStep, line: step.line,
        mendsStore: actions[step.action]?.mendsStore ?? false)
    }
  }

  private func inputReasons(_ site: Site, _ actions: ActionCatalog) -> [String] {
    let around = InputSurroundings(site: site, files: runbook.files, commands: commands)
    return steps.flatMap { step in
      ([step.call] + step.preconditions + step.postconditions + (step.compensation.map { [$0] } ?? [])).flatMap { call in
        let alone: [(input: String, reason: String)] = (actions[call.action]?.inputs ?? []).compactMap { input in
          guard let text: String = call.inputs[input.name], let reason = input.kind.objection(to: text, around) else { return nil }
          return (input.name, reason)
        }
        let found: [(input: String, reason: String)] = alone.isEmpty ? actions[call.action]?.together(call.inputs, site) ?? [] : alone
        return found.map { "step \(step.id) (line \(step.line)), \(call.action), \($0.input): \($0.reason)" }
      }
    }
  }

  /// What distinguishes this run from any other: a runner refuses one that is not what was checked.
  public var hash: String { Self.hash(source: runbook.source, files: carried, given: given, variant: variant, mode: mode.rawValue) }

  static func hash(source: String, files: [String: String], given: [String: String], variant: String, mode: String) -> String {
    let document: JSONValue = [
      "source": .string(source), "files": JSONValue(files), "parameters": JSONValue(given), "variant": .string(variant),
      "mode": .string(mode),
    ]
    return SHA256.hexadecimal(Bytes(document.serialized()))
  }

  /// Every file that its steps or its objectives name.
  public var carried: [String: String] {
    var files: [String: String] = [:]
    func carry(_ name: String) { files[name] = runbook.files.text(name) }
    for step in steps {
      for call in [step.call] + step.preconditions + step.postconditions + (step.compensation.map { [$0] } ?? []) {
        if let name: String = call.inputs["file"] { carry(name) }
      }
    }
    if let level: Runbook.Level = runbook.objectives.level { carry(ServiceProfile.file(level.profile)) }
    return files
  }

  /// How long the steps take by their own expectation, one after the other or side by side; steps without one count as nothing.
  public var criticalPath: (time: Duration, steps: [Int]) {
    var ends: [Int: (Duration, [Int])] = [:]
    func end(_ index: Int) -> (Duration, [Int]) {
      if let known = ends[index] { return known }
      let before: (Duration, [Int]) = steps[index].dependsOn.map(end).max { $0.0 < $1.0 } ?? (.zero, [])
      let found: (Duration, [Int]) = (before.0 + (steps[index].expected ?? .zero), before.1 + [index])
      ends[index] = found
      return found
    }
    let all: [(Duration, [Int])] = steps.indices.map(end)
    return all.max { ($0.0, $0.1.count) < ($1.0, $1.1.count) } ?? (.zero, [])
  }
}
