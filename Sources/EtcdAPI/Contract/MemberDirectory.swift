import Keyspace
import Primitives

/// What the member that answers knows of itself and its cluster. Called on connections' event loops: answers at once, from memory.
public protocol MemberDirectory: Sendable {
  var clusterID: UInt64 { get }
  var memberID: MemberID { get }
  /// In every response's header.
  var raftTerm: UInt64 { get }
  /// The newest revision that this member has applied.
  var revision: Int64 { get }
  /// Of this member; 0: nothing was compacted.
  var compactRevision: Int64 { get }
  /// Nil while none is known.
  var leader: MemberID? { get }
  func status() -> MemberStatus
  func members() -> [ClusterMember]
  /// Hands leadership over. Throws `KeyspaceError`: `.notLeader` where another member leads, `.badTransferee`, `.timeout`.
  func moveLeader(to member: MemberID) async throws
  // Changes of the members; each answers the list afterwards. Throw `KeyspaceError` with etcd's codes.
  func addMember(peerURLs: [String], isLearner: Bool) async throws -> (added: ClusterMember, all: [ClusterMember])
  func removeMember(_ member: MemberID) async throws -> [ClusterMember]
  func updateMember(_ member: MemberID, peerURLs: [String]) async throws -> [ClusterMember]
  func promoteMember(_ member: MemberID) async throws -> [ClusterMember]
  /// Returns once this member's list is as new as any that was answered before the call.
  func synchronize() async throws
  /// A checksum over all keys and kept versions up to a revision (0: the newest). Nil: this store computes none.
  func hashKeys(revision: Int64) async throws -> KeyHash?
  /// Bytes that count against the quota. Asked at every put.
  var databaseBytes: Int64 { get }
  /// This member's disk takes nothing more.
  var isDiskFull: Bool { get }
  /// Gives free space back to the system, and returns when that is done.
  func defragment() async throws
}

/// A store whose members are what they are.
extension MemberDirectory {
  public func addMember(peerURLs: [String], isLearner: Bool) async throws -> (added: ClusterMember, all: [ClusterMember]) {
    throw EtcdError.unsupported("MemberAdd")
  }
  public func removeMember(_ member: MemberID) async throws -> [ClusterMember] { throw EtcdError.unsupported("MemberRemove") }
  public func updateMember(_ member: MemberID, peerURLs: [String]) async throws -> [ClusterMember] {
    throw EtcdError.unsupported("MemberUpdate")
  }
  public func promoteMember(_ member: MemberID) async throws -> [ClusterMember] { throw EtcdError.unsupported("MemberPromote") }
  public func synchronize() async throws {}
  public func hashKeys(revision: Int64) async throws -> KeyHash? { nil }
  public var databaseBytes: Int64 { status().databaseBytes }
  public var compactRevision: Int64 { status().compactRevision }
  public var isDiskFull: Bool { false }
  public func defragment() async throws { throw KeyspaceError(.unsupported, "Defragment is not supported by this server") }
}

public struct MemberStatus: Hashable, Sendable {
  /// Index of the newest committed entry.
  public var raftIndex: UInt64
  public var appliedIndex: UInt64
  /// Bytes on disk, and bytes of them in use.
  public var databaseBytes: Int64
  public var databaseBytesInUse: Int64
  /// Revisions below were forgotten; 0: none was.
  public var compactRevision: Int64
  public var isLearner: Bool
  /// Sentences about what is wrong with this member.
  public var errors: [String]

  public init(
    raftIndex: UInt64, appliedIndex: UInt64, databaseBytes: Int64, databaseBytesInUse: Int64, compactRevision: Int64 = 0,
    isLearner: Bool = false, errors: [String] = []
  ) {
    self.raftIndex = raftIndex
    self.appliedIndex = appliedIndex
    self.databaseBytes = databaseBytes
    self.databaseBytesInUse = databaseBytesInUse
    self.compactRevision = compactRevision
    self.isLearner = isLearner
    self.errors = errors
  }
}

public struct ClusterMember: Hashable, Sendable {
  public var id: MemberID
  public var name: String
  public var peerURLs: [String]
  public var clientURLs: [String]
  public var isLearner: Bool

  public init(id: MemberID, name: String, peerURLs: [String], clientURLs: [String], isLearner: Bool = false) {
    self.id = id
    self.name = name
    self.peerURLs = peerURLs
    self.clientURLs = clientURLs
    self.isLearner = isLearner
  }
}

public struct KeyHash: Hashable, Sendable {
  public var hash: UInt32
  /// The revision up to which it was computed.
  public var revision: Int64
  public var compactRevision: Int64
  public init(hash: UInt32, revision: Int64, compactRevision: Int64) {
    self.hash = hash
    self.revision = revision
    self.compactRevision = compactRevision
  }
}
