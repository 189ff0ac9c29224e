import Consensus

/// A bug planted on purpose: what no checker ever caught, no checker is known to catch.
public enum SimulationDefect: String, Sendable, CaseIterable {
  // In Consensus (debug builds only).
  case acknowledgesBeforePersisting
  case votesTwice
  case commitsOldTermsByCounting
  case readsWithoutQuorum
  case votesForShorterLogs
  case cutsLogOnLateAppends
  case commitsBelowMajority
  // In the simulated shell.
  /// The disk says that it synced and did not.
  case losesSyncs
  /// The client is told when its write is proposed.
  case acknowledgesProposals
  /// The shell says `persisted` when the write begins.
  case saysPersistedTooEarly
  /// Linearizable reads are answered from whatever this member has.
  case readsLocally
  /// A received snapshot moves the log but not the keyspace.
  case forgetsSnapshotContents

  var raftDefects: RaftDefects {
    switch self {
    case .acknowledgesBeforePersisting: .acknowledgesBeforePersisting
    case .votesTwice: .votesTwice
    case .commitsOldTermsByCounting: .commitsOldTermsByCounting
    case .readsWithoutQuorum: .readsWithoutQuorum
    case .votesForShorterLogs: .votesForShorterLogs
    case .cutsLogOnLateAppends: .cutsLogOnLateAppends
    case .commitsBelowMajority: .commitsBelowMajority
    case .losesSyncs, .acknowledgesProposals, .saysPersistedTooEarly, .readsLocally, .forgetsSnapshotContents: []
    }
  }
}
