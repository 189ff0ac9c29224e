import Consensus
import Store

/// A bug planted on purpose: what no checker ever caught, no checker is known to catch. Those in the product's code are in debug builds
/// only.
public enum SimulationDefect: String, Sendable, CaseIterable {
  // In Consensus.
  case acknowledgesBeforePersisting
  case votesTwice
  case commitsOldTermsByCounting
  case readsWithoutQuorum
  case votesForShorterLogs
  case cutsLogOnLateAppends
  case commitsBelowMajority
  case leavesJointTooSoon
  case readsBeforeOwnTermCommits
  case votesWhileRepairing
  // In Store.
  case acknowledgesBeforeTheCity
  case skipsTheBarrier
  case promotesLaggards
  case revokesAsAnyone
  case losesCheckpoints
  case answersBeforeClearing
  case proposesAgainTooSoon
  case resumesWatchesLate
  case cutsTooMuch
  case forgetsVote
  case forgetsSnapshotContents
  case rejoinsWithItsLog
  // Around them.
  /// The disk says that it synced and did not.
  case losesSyncs
  /// The client is told when its write is proposed.
  case acknowledgesProposals
  /// The journal says that it is done when it begins.
  case saysPersistedTooEarly
  /// Linearizable reads are answered from whatever this member has.
  case readsLocally

  var raftDefects: RaftDefects {
    switch self {
    case .acknowledgesBeforePersisting: .acknowledgesBeforePersisting
    case .votesTwice: .votesTwice
    case .commitsOldTermsByCounting: .commitsOldTermsByCounting
    case .readsWithoutQuorum: .readsWithoutQuorum
    case .votesForShorterLogs: .votesForShorterLogs
    case .cutsLogOnLateAppends: .cutsLogOnLateAppends
    case .commitsBelowMajority: .commitsBelowMajority
    case .leavesJointTooSoon: .leavesJointTooSoon
    case .readsBeforeOwnTermCommits: .readsBeforeOwnTermCommits
    case .votesWhileRepairing: .votesWhileRepairing
    default: []
    }
  }

  var storeDefects: StoreDefects {
    switch self {
    case .acknowledgesBeforeTheCity: .acknowledgesBeforeTheCity
    case .skipsTheBarrier: .skipsTheBarrier
    case .promotesLaggards: .promotesLaggards
    case .revokesAsAnyone: .revokesAsAnyone
    case .losesCheckpoints: .losesCheckpoints
    case .answersBeforeClearing: .answersBeforeClearing
    case .proposesAgainTooSoon: .proposesAgainTooSoon
    case .resumesWatchesLate: .resumesWatchesLate
    case .cutsTooMuch: .cutsTooMuch
    case .forgetsVote: .forgetsVote
    case .forgetsSnapshotContents: .forgetsSnapshotContents
    case .rejoinsWithItsLog: .rejoinsWithItsLog
    default: []
    }
  }
}
