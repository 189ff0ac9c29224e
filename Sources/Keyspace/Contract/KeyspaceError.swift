import Primitives

public enum KeyspaceDomain: FaultDomain { public static let name = "keyspace" }
public typealias KeyspaceError = Fault<KeyspaceDomain>

extension Fault<KeyspaceDomain>.Code {
  /// The revision asked for was compacted away. The caller lists again.
  public static let compacted = Self("compacted")
  public static let futureRevision = Self("futureRevision")
  public static let emptyKey = Self("emptyKey")
  public static let duplicateKey = Self("duplicateKey")
  /// A setting is not at the version that a command asks for.
  public static let settingChanged = Self("settingChanged")
  public static let keyNotFound = Self("keyNotFound")
  public static let valueProvided = Self("valueProvided")
  public static let leaseProvided = Self("leaseProvided")
  public static let leaseNotFound = Self("leaseNotFound")
  public static let leaseExists = Self("leaseExists")
  public static let leaseTTLTooLarge = Self("leaseTTLTooLarge")
  public static let tooManyOperations = Self("tooManyOperations")
  public static let requestTooLarge = Self("requestTooLarge")
  /// No leader is known. Nothing was written; try again.
  public static let noLeader = Self("noLeader")
  /// The proposal was dropped before it could be committed (leader changed, queue full). Nothing may be concluded for a write.
  public static let dropped = Self("dropped")
  /// No answer in time. A write may or may not have happened.
  public static let timeout = Self("timeout")
  /// The leader's disk is full. Nothing was written (etcd's `ErrNoSpace`).
  public static let noSpace = Self("noSpace")
  public static let tooManyRequests = Self("tooManyRequests")
  public static let cancelled = Self("cancelled")
  /// The member is stopping, or its disk failed.
  public static let unavailable = Self("unavailable")
  /// Bytes of a command or a snapshot that cannot be what this version or an older one wrote.
  public static let malformed = Self("malformed")
  /// A value could not be read back as it was written. A write may or may not have happened.
  public static let corrupt = Self("corrupt")
  /// More watches than one member allows.
  public static let tooManyWatches = Self("tooManyWatches")
  // Changes of members, with etcd's meaning.
  public static let memberNotFound = Self("memberNotFound")
  public static let memberExists = Self("memberExists")
  public static let peerURLExists = Self("peerURLExists")
  public static let memberBadURLs = Self("memberBadURLs")
  public static let memberNotLearner = Self("memberNotLearner")
  /// A learner that is too far behind to be given a vote.
  public static let learnerNotReady = Self("learnerNotReady")
  public static let tooManyLearners = Self("tooManyLearners")
  /// The change would leave fewer started voters than a majority.
  public static let notEnoughStarted = Self("notEnoughStarted")
  /// A voter is not reached now, so the change could cost the majority.
  public static let unhealthy = Self("unhealthy")
  /// Nothing stands behind the name in what answers the call; told by name.
  public static let unsupported = Self("unsupported")
}
