import Primitives

/// Ordered steps that an operator would otherwise type, with what they are to attain.
public struct Runbook: Sendable {
  public struct Objectives: Hashable, Sendable {
    public var firstWrite: Duration?
    public var rto: Duration?
    public var lostWrites: Int?
  }

  public struct Step: Sendable {
    public var id: String
    public var title: String
    public var action: String
    public var inputs: [String: String]
    public var timeout: Duration
    /// Runs also after a step has failed: what gives back what a fault took.
    public var always: Bool
    public var line: Int
  }

  public var id: String
  public var title: String
  public var purpose: String
  public var cluster: String
  public var objectives: Objectives
  public var steps: [Step]
  /// Folder of the file: inputs that name files are relative to it.
  public var folder: String
}
