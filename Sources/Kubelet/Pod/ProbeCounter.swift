import Primitives

/// Counts a probe's results against its thresholds.
///
///     unknown ──successThreshold in a row──▶ success ──failureThreshold in a row──▶ failure ──▶ …
///        └──────failureThreshold in a row──▶ failure
public struct ProbeCounter: Hashable, Sendable {
  public enum Verdict: Hashable, Sendable { case unknown, success, failure }

  public let blueprint: ProbeBlueprint
  public private(set) var verdict: Verdict = .unknown
  /// The same results in a row, ending with the last.
  private var run: Int = 0
  private var lastSucceeded: Bool?
  /// What the last failure said.
  public private(set) var message: String = ""

  public init(_ blueprint: ProbeBlueprint) { self.blueprint = blueprint }

  /// Takes one result; true when the verdict changed.
  public mutating func onResult(succeeded: Bool, message: String) -> Bool {
    run = lastSucceeded == succeeded ? run + 1 : 1
    lastSucceeded = succeeded
    if !succeeded { self.message = message }
    let threshold: Int = succeeded ? blueprint.successThreshold : blueprint.failureThreshold
    let reached: Verdict = succeeded ? .success : .failure
    guard run >= threshold, verdict != reached else { return false }
    verdict = reached
    return true
  }
}
