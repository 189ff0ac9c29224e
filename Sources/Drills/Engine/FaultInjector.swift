import Primitives
import Site

public enum CenterPower: Sendable {
  case lost, whole, partly
}

/// What breaks things for a drill, and mends them: the lab on one machine, or whatever reaches real hosts.
public protocol FaultInjector: Sendable {
  /// Ends every process of the center with SIGKILL and cuts its lines at the same instant. Returns what was done, in a sentence.
  func lose(_ center: CenterName) async throws -> String
  /// Gives back what `lose` took. Returns at once; whoever wants to know when the center is back looks at it.
  func giveBack(_ center: CenterName) async throws -> String
  /// What of a center is lost now, as `lose` loses it.
  func state(of center: CenterName) async throws -> CenterPower
  /// Does the fault, which undoes itself when its lease has passed unless it is renewed before. Throws with a sentence, and nothing is left
  /// of it, where it cannot be done. The same `id` while it is in force is the same fault: nothing happens twice.
  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle
  /// Its whole lease from now on. Throws when it has undone itself meanwhile.
  func renew(_ handle: FaultHandle) async throws -> FaultHandle
  /// Undoes it now; one that has undone itself is no error. Returns what was done, in a sentence.
  func undo(_ handle: FaultHandle) async throws -> String
  /// All that are in force, whoever injected them.
  func faults() async throws -> [FaultHandle]
  /// Bytes that the center daemon of a host keeps in memory; nil where that cannot be seen.
  func residentBytes(_ host: HostName) -> Int?
  /// What of the drill is simulated, in sentences for the report; empty when nothing is.
  var simulated: [String] { get }
}
