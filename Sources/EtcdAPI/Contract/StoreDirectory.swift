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

  /// Another in every epoch of the cluster (`tricenter store recover`).
  public var clusterID: UInt64 { store.presentedClusterID }
  public var memberID: MemberID { store.configuration.memberID }
  public var raftTerm: UInt64 { store.leadership.term }
  public var leader: MemberID? { store.leadership.leader }

  /// Exact on the store's loop, at most four ticks old elsewhere.
  public var revision: Int64 { store.eventLoop.inEventLoop ? store.keyspace.revision : store.status.revision }

  /// Exact on the store's loop: a watch that ends by it begins again there.
  public var compactRevision: Int64 {
    store.eventLoop.inEventLoop ? store.keyspace.compactedRevision : store.status.compactedRevision
  }

  public func status() -> MemberStatus {
    let status: StoreStatus = store.status
    return MemberStatus(
      raftIndex: status.commitIndex, appliedIndex: status.appliedIndex, databaseBytes: Int64(status.dataBytes),
      databaseBytesInUse: Int64(status.dataBytes), compactRevision: status.compactedRevision, isLearner: status.isLearner,
      errors: [status.failure, status.disk.problem(store.configuration.directory)].compactMap { $0 })
  }

  public func members() -> [ClusterMember] { store.records.map { ClusterMember($0) } }

  public func addMember(peerURLs: [String], isLearner: Bool) async throws -> (added: ClusterMember, all: [ClusterMember]) {
    let added = ClusterMember(try await store.addMember(NewMember(peerURLs: peerURLs, isLearner: isLearner)))
    return (added, members())
  }

  public func removeMember(_ member: MemberID) async throws -> [ClusterMember] {
    try await store.removeMember(member)
    return members().filter { $0.id != member }
  }

  public func updateMember(_ member: MemberID, peerURLs: [String]) async throws -> [ClusterMember] {
    try await store.updateMember(member, peerURLs: peerURLs)
    return members()
  }

  public func promoteMember(_ member: MemberID) async throws -> [ClusterMember] {
    try await store.promoteMember(member)
    return members()
  }

  public func synchronize() async throws {
    let store: Store = store
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      store.eventLoop.execute {
        store.linearize { error in
          if let error { continuation.resume(throwing: error) } else { continuation.resume() }
        }
      }
    }
  }

  public var databaseBytes: Int64 {
    store.eventLoop.inEventLoop ? Int64(store.sizeBytes) : Int64(store.status.dataBytes)
  }

  public var isDiskFull: Bool { store.status.disk.fullSeconds > 0 }

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

extension ClusterMember {
  init(_ record: MemberRecord) {
    self.init(
      id: record.id, name: record.name, peerURLs: record.peerURLs, clientURLs: record.clientURLs, isLearner: record.role == .learner)
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
