import KubeModel
import Primitives
import Site

/// What an input may be checked against before anything runs.
struct InputSurroundings {
  var site: Site
  var files: RunbookFiles
  var commands: [String: Runbook.HostCommand]
}

/// An action that a runbook may name: its inputs, what it does to the world, and how to ask whether it did it.
public struct ActionDescription: Sendable {
  public enum Kind: Hashable, Sendable {
    case text, center, city, host, file, number, time, boolean, object, command, url
    case oneOf([String])

    /// The kind of a parameter that may stand alone for it; nil: any.
    var parameterKind: Parameter.Kind? {
      switch self {
      case .center: .center
      case .host: .host
      case .number: .number
      case .time: .time
      case .boolean: .boolean
      default: nil
      }
    }

    /// Why `text` cannot be meant, nil if it can.
    func objection(to text: String, _ around: InputSurroundings) -> String? {
      switch self {
      case .text: nil
      case .center, .host, .number, .time, .boolean: parameterKind?.objection(to: text, site: around.site)
      case .city:
        around.site.cities.contains(text) ? nil : "no city is called \(text); there are \(around.site.cities.joined(separator: ", "))"
      case .file: around.files.text(text) == nil ? "\(around.files.place(text)) cannot be read" : nil
      case .command: around.commands[text] == nil ? "the runbook has no command \(text) under commands" : nil
      case .url: text.hasPrefix("http://") || text.hasPrefix("https://") ? nil : "\"\(text)\" is no http:// or https:// address"
      case .oneOf(let words): words.contains(text) ? nil : "\"\(text)\" is none of \(words.joined(separator: ", "))"
      case .object:
        if case .failure(let error) = ObjectReference.parse(text) { error.message } else { nil }
      }
    }
  }

  public struct Input: Sendable {
    var name: String
    var kind: Kind
    var isRequired: Bool = true
    public init(_ name: String, _ kind: Kind, isRequired: Bool = true) {
      self.name = name
      self.kind = kind
      self.isRequired = isRequired
    }
  }

  public enum Effect: Hashable, Sendable {
    /// It only looks: it may be asked as often as one likes.
    case none
    /// It lives in the runner's own process: another runner begins it anew.
    case session
    /// It changes something: an intent is recorded before, and a runner that takes over asks whether it happened.
    case changes
  }

  public enum Answer: Hashable, Sendable {
    case happened(String)
    case notHappened
    /// Nobody can tell, with the reason.
    case unknown(String)
  }

  public typealias Body = @Sendable (DrillContext, StepCall) async throws -> String
  public typealias Question = @Sendable (DrillContext, StepCall) async throws -> Answer

  /// Values in; which input, and why it cannot be meant.
  public typealias Check = @Sendable ([String: String], Site) -> [(input: String, reason: String)]

  public struct Renewal: Sendable {
    public var every: @Sendable ([String: String]) -> Duration
    public var renew: Body
  }

  public var inputs: [Input]
  public var effect: Effect
  public var run: Body
  /// Asked instead of `run` where the effect may have happened already. Nil: it may be asked for again, its key or its nature keeps it one.
  public var probe: Question?
  /// What a runner that takes over does so that an effect lasts, such as renewing the lease of a fault; a session is begun anew.
  public var sustain: Body?
  /// What the runner does while the effect lasts, and how often by its inputs; until a step with `endsStep` for it.
  public var renewal: Renewal?
  /// The input that names the step whose effect it ends; without a value, the step that it stands in.
  public var endsStepIn: String?
  /// The store may be what is broken, and this mends it: it waits only for a moment for its intent to be stored, and may be asked for
  /// again.
  public var mendsStore: Bool = false
  /// Ends the session that this action began, so that a runner that takes over does not begin it again.
  public var ends: [String] = []
  /// What is wrong with inputs together, each well formed by itself.
  public var together: Check = { _, _ in [] }
  /// Kubernetes objects that must be there when the runbook is checked against a live cluster.
  public var objects: @Sendable ([String: String]) -> [ObjectReference] = { _ in [] }

  public init(_ inputs: [Input] = [], effect: Effect = .none, probe: Question? = nil, ends: [String] = [], run: @escaping Body) {
    self.inputs = inputs
    self.effect = effect
    self.probe = probe
    self.ends = ends
    self.run = run
  }

  func sustained(_ body: @escaping Body) -> Self {
    var copy: Self = self
    copy.sustain = body
    return copy
  }

  func renewed(every: @escaping @Sendable ([String: String]) -> Duration, _ body: @escaping Body) -> Self {
    var copy: Self = self
    copy.renewal = Renewal(every: every, renew: body)
    return copy
  }

  func endingStep(in input: String) -> Self {
    var copy: Self = self
    copy.endsStepIn = input
    return copy
  }

  func checked(_ together: @escaping Check) -> Self {
    var copy: Self = self
    copy.together = together
    return copy
  }

  var mending: Self {
    var copy: Self = self
    copy.mendsStore = true
    return copy
  }

  func needing(_ objects: @escaping @Sendable ([String: String]) -> [ObjectReference]) -> Self {
    var copy: Self = self
    copy.objects = objects
    return copy
  }
}

/// One call of an action, with its values filled in.
public struct StepCall: Sendable {
  public var step: String
  public var inputs: [String: String]
  /// The same for every attempt of one effect, whoever makes it.
  public var key: String
  public var deadline: MonotonicTime

  /// The input's text; empty where none was given.
  public subscript(name: String) -> String { inputs[name] ?? "" }
  func number(_ name: String) -> Int? { inputs[name].flatMap { Int($0) } }
  var center: CenterName { CenterName(self["center"]) }
}

/// All actions that exist, by name.
public struct ActionCatalog: Sendable {
  let actions: [String: ActionDescription]
  public init(_ actions: [String: ActionDescription]) { self.actions = actions }

  public subscript(name: String) -> ActionDescription? { actions[name] }
  public var names: [String] { actions.keys.sorted() }
  public func adding(_ more: [String: ActionDescription]) -> ActionCatalog {
    ActionCatalog(actions.merging(more) { _, new in new })
  }
}
