import Primitives
import Site

/// Ordered steps that an operator would otherwise type, with what they are to attain.
public struct Runbook: Sendable {
  public struct Objectives: Hashable, Sendable {
    public var firstWrite: Duration?
    public var rto: Duration?
    public var lostWrites: Int?
    /// Requests of the client that may fail.
    public var failedRequests: Int?
    /// Longest time between two acknowledged writes, all writers together.
    public var writePause: Duration?
    /// Until no surviving host's name server and no rule leads to the lost center any more.
    public var endpointsGone: Duration?
    public var level: Level?
    public init(firstWrite: Duration? = nil, rto: Duration? = nil, lostWrites: Int? = nil) {
      self.firstWrite = firstWrite
      self.rto = rto
      self.lostWrites = lostWrites
    }
  }

  /// A level of a profile such as GB/T 20988.
  public struct Level: Hashable, Sendable {
    public var profile: String
    public var number: Int
  }

  /// What is called, with what: by a step, before it, after it, or to undo it.
  public struct Call: Sendable {
    public var action: String
    /// As written: `${NAME}` stands for a parameter.
    public var inputs: [String: String]
    public var timeout: Duration
    var place: Place
    var places: [String: Place]

    /// The step whose effect it ends, for a call that stands in `step`; nil: none.
    func endsStep(of step: String, _ actions: ActionCatalog) -> String? {
      actions[action]?.endsStepIn.map { inputs[$0] ?? step }
    }
  }

  public struct Retry: Hashable, Sendable {
    /// The first one included.
    public var attempts: Int = 1
    public var pause: Duration = .zero
  }

  /// Somebody else has to agree before the step begins.
  public struct Approval: Hashable, Sendable {
    /// Groups of the API's users; one person counts once, whatever groups they are in.
    public var roles: [String]
    public var needed: Int
    public var timeout: Duration
  }

  public struct Step: Sendable {
    public var id: String
    public var title: String
    public var call: Call
    /// Nil: the step before it.
    public var dependsOn: [String]?
    public var preconditions: [Call] = []
    public var postconditions: [Call] = []
    /// Three runs of four are not slower than this.
    public var expected: Duration?
    public var retry = Retry()
    /// Nil: the run's name and the step's.
    public var idempotencyKey: String?
    public var compensation: Call?
    public var approval: Approval?
    public var evidence: [EvidenceSource] = []
    /// Runs also after a step has failed: what gives back what a fault took.
    public var always: Bool
    /// The variants that have this step; empty: all.
    public var variants: [String] = []
    public var line: Int

    public var action: String { call.action }
    public var inputs: [String: String] { call.inputs }
    public var timeout: Duration { call.timeout }
  }

  public struct Variant: Sendable {
    public var name: String
    public var title: String
    /// Values that it gives to parameters.
    public var parameters: [String: String]
    var place: Place
  }

  /// Programs that steps may run on hosts.
  public struct HostCommand: Sendable {
    public var run: [String]
    /// Ends with 0 when what `run` does was done already.
    public var probe: [String]?
    var place: Place
  }

  public var id: String
  public var title: String
  public var purpose: String
  public var cluster: String
  /// The mode that it is made for; nil: live.
  public var mode: RunPlan.Mode?
  public var objectives: Objectives
  public var parameters: [Parameter]
  public var variants: [Variant]
  public var commands: [String: HostCommand]
  public var steps: [Step]
  /// The text that this was read from, and the files that its inputs name.
  public var source: String
  public var files: RunbookFiles

  public func parameter(_ name: String) -> Parameter? { parameters.first { $0.name == name } }
}
