import Glibc
import HTTP
import Keyspace
import Primitives
import TLS

/// What operators ask one member.
extension EtcdStore {
  public struct EndpointStatus: Hashable, Sendable {
    public var clusterID: UInt64 = 0
    public var memberID: UInt64 = 0
    public var revision: Int64 = 0
    public var version: String = ""
    public var databaseBytes: Int64 = 0
    public var leader: UInt64 = 0
    public var raftIndex: UInt64 = 0
    public var raftTerm: UInt64 = 0
    public var isLearner: Bool = false
    public var errors: [String] = []
  }

  public func status() async throws -> EndpointStatus {
    try await call("/etcdserverpb.Maintenance/Status", { _ in }) { message in
      var reader: ProtobufReader = message
      var status = EndpointStatus()
      while let field = try reader.next() {
        switch field.number {
        case 1:
          let header = try ResponseHeader(try reader.message(field))
          (status.clusterID, status.memberID, status.revision) = (header.clusterID, header.memberID, header.revision)
        case 2: status.version = try reader.string(field)
        case 3: status.databaseBytes = try reader.int64(field)
        case 4: status.leader = try reader.uint64(field)
        case 5: status.raftIndex = try reader.uint64(field)
        case 6: status.raftTerm = try reader.uint64(field)
        case 8: status.errors.append(try reader.string(field))
        case 10: status.isLearner = try reader.bool(field)
        default: try reader.skip(field)
        }
      }
      return status
    }
  }

  /// Of this member up to a revision (0: the newest): equal on members that agree, if their compacted revisions are equal.
  public func hashKeys(revision: Int64 = 0) async throws -> KeyHash {
    try await call("/etcdserverpb.Maintenance/HashKV", { $0.int64(1, revision) }) { message in
      var reader: ProtobufReader = message
      var hash = KeyHash(hash: 0, revision: 0, compactRevision: 0)
      while let field = try reader.next() {
        switch field.number {
        case 2: hash.hash = try reader.uint32(field)
        case 3: hash.compactRevision = try reader.int64(field)
        case 4: hash.revision = try reader.int64(field)
        default: try reader.skip(field)
        }
      }
      return hash
    }
  }

  /// The members as the one asked knows them.
  public func members() async throws -> [ClusterMember] {
    try await call("/etcdserverpb.Cluster/MemberList", { $0.bool(1, true) }) { message in
      var reader: ProtobufReader = message
      var members: [ClusterMember] = []
      while let field = try reader.next() {
        guard field.number == 2 else {
          try reader.skip(field)
          continue
        }
        var (inner, member): (ProtobufReader, ClusterMember) = (
          try reader.message(field), ClusterMember(id: MemberID(0), name: "", peerURLs: [], clientURLs: [])
        )
        while let field = try inner.next() {
          switch field.number {
          case 1: member.id = MemberID(try inner.uint64(field))
          case 2: member.name = try inner.string(field)
          case 3: member.peerURLs.append(try inner.string(field))
          case 4: member.clientURLs.append(try inner.string(field))
          case 5: member.isLearner = try inner.bool(field)
          default: try inner.skip(field)
          }
        }
        members.append(member)
      }
      return members
    }
  }

  public func defragment() async throws { try await call("/etcdserverpb.Maintenance/Defragment", { _ in }) { _ in } }
}
