import HTTP
import Keyspace
import NIOCore
import Observability
import Primitives
import Store

extension Store: LoopStore {}

/// A member of ours, told in etcd's words.
public struct StoreDirectory: MemberDirectory {
  private let store: Store
  public init(_ store: Store) { self.store = store }

  public var clusterID: UInt64 { store.configuration.clusterID }
  public var memberID: MemberID { store.configuration.memberID }
  public var raftTerm: UInt64 { store.leadership.term }
  public var leader: MemberID? { store.leadership.leader }

  /// Exact on the store's loop, at most four ticks old elsewhere.
  public var revision: Int64 { store.eventLoop.inEventLoop ? store.keyspace.revision : store.status.revision }

  public func status() -> MemberStatus {
    let status: StoreStatus = store.status
    return MemberStatus(
      raftIndex: status.commitIndex, appliedIndex: status.appliedIndex, databaseBytes: Int64(status.dataBytes),
      databaseBytesInUse: Int64(status.dataBytes), compactRevision: status.compactedRevision, isLearner: status.isLearner,
      errors: status.failure.map { [$0] } ?? [])
  }

  public func members() -> [ClusterMember] {
    store.configuration.members.map { member in
      ClusterMember(
        id: member.id, name: member.name.value, peerURLs: [member.peerURL], clientURLs: member.clientURL.isEmpty ? [] : [member.clientURL],
        isLearner: member.role == .learner)
    }
  }

  public var databaseBytes: Int64 {
    store.eventLoop.inEventLoop ? Int64(store.keyspace.sizeBytes) : Int64(store.status.dataBytes)
  }

  public func defragment() async throws { try await store.reclaim() }

  public func moveLeader(to member: MemberID) async throws { try await store.moveLeader(to: member) }

  public func hashKeys(revision: Int64) async throws -> KeyHash? {
    let store: Store = store
    // A copy of the keyspace costs references; the hash is computed away from the loop.
    let keyspace: Keyspace = try await store.eventLoop.submit { store.keyspace }.get()
    return KeyHash(
      hash: try keyspace.hash(revision: revision), revision: revision > 0 ? revision : keyspace.revision,
      compactRevision: keyspace.compactedRevision)
  }
}

extension EtcdServer {
  /// On a member of ours. `configuration.group` should be the store's event loop.
  public convenience init(
    _ configuration: HTTPServerConfiguration, store: Store, options: EtcdOptions = EtcdOptions(), metrics: PrometheusRegistry = .shared
  ) {
    self.init(configuration, store: store, directory: StoreDirectory(store), options: options, metrics: metrics)
  }
}
