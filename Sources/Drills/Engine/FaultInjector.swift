import Primitives

/// What breaks things for a drill, and mends them: the lab on one machine, or whatever reaches real hosts.
public protocol FaultInjector: Sendable {
  /// Ends every process of the center with SIGKILL and cuts its lines at the same instant. Returns what was done, in a sentence.
  func lose(_ center: CenterName) async throws -> String
  /// Gives back what `lose` took. Returns at once; whoever wants to know when the center is back looks at it.
  func giveBack(_ center: CenterName) async throws -> String
  /// Bytes that the center daemon of a host keeps in memory; nil where that cannot be seen.
  func residentBytes(_ host: HostName) -> Int?
  /// What of the drill is simulated, in sentences for the report; empty when nothing is.
  var simulated: [String] { get }
}
