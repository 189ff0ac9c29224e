/// What can be asked of a cluster. Each verb has preconditions of its own (`VerbConditions`).
public enum Verb: String, Hashable, Sendable, CaseIterable {
  /// A move that waits for what stands against it. From a dead center too: then the target waits for the lease.
  case planned
  /// The active center gives way while all is well.
  case switchover
  /// After a loss: the active center is silent.
  case failover
  /// A switchover home.
  case failback
  /// Nothing moves: a center that came back becomes a full standby again.
  case reprotect
  /// One namespace moves, and the rest of the cluster stays.
  case evacuate

  /// The whole cluster.
  public var moves: Bool { self != .reprotect && self != .evacuate }
  /// It is refused when something stands against it; the others wait for its cure.
  var isRefusedWhenBlocked: Bool { self == .switchover || self == .failover || self == .failback || self == .evacuate }

  /// What takes over without being asked, as policies and gates name it.
  public static let automatic = "automatic"
}
