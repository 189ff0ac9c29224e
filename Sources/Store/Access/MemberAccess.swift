import Keyspace
import NIOCore
import Primitives

/// Changing the members, from any task and through any member. Errors are `KeyspaceError`s with etcd's meaning; `.timeout` and `.dropped`
/// leave the list of members to tell what became of it.
extension Store {
  /// Adds a member; it is to be started with `StoreConfiguration.joining`. One that shall vote gets its vote when it has caught up.
  public func addMember(_ new: NewMember) async throws -> MemberRecord {
    guard let id: MemberID = try await change(.add(new)) else {
      throw KeyspaceError(.malformed, "the leader added a member and did not say its id: see the list of members")
    }
    return records.first { $0.id == id } ?? new.record(id)
  }

  public func removeMember(_ id: MemberID) async throws { _ = try await change(.remove(id)) }

  public func updateMember(_ id: MemberID, peerURLs: [String]) async throws { _ = try await change(.update(id, peerURLs: peerURLs)) }

  /// Makes a learner a voter. `.learnerNotReady` while it is behind.
  public func promoteMember(_ id: MemberID) async throws { _ = try await change(.promote(id)) }

  /// A change that answers nothing.
  func ask(_ change: MemberChange) async throws { _ = try await self.change(change) }

  private func change(_ change: MemberChange) async throws -> MemberID? {
    let loop: any EventLoop = eventLoop
    return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<MemberID?, any Error>) in
      loop.execute {
        guard let member: MemberCore = self.core.value else {
          return continuation.resume(throwing: KeyspaceError(.unavailable, "this member is not started"))
        }
        member.change(change) { result in
          guard case .success(let added) = result else { return continuation.resume(with: result) }
          // A member that follows hears of it a little later; one that removed itself never answers again.
          member.linearize { _ in continuation.resume(returning: added) }
        }
      }
    }
  }

  /// The members as far as this one has applied: replicated once they changed at run time, before that the configuration's.
  public var records: [MemberRecord] { board.records }
  public var members: [StoreMember] { board.records.map { StoreMember($0) } }
  /// Which keys' writes must have come how far before they are acknowledged: for all members, from now on. A request's own word goes first.
  public func setDurability(_ rules: DurabilityRules) async throws { _ = try await change(.setDurability(rules)) }
  /// As far as this member has applied.
  public var durabilityRules: DurabilityRules { board.cluster.durability }
  /// Cities that `auto` writes do not wait for, with the barrier behind which that is so.
  public var degradations: [ClusterState.Degradation] { board.cluster.degradations }
  /// Gives a center whose votes were taken its votes back, each member's as soon as it has caught up.
  public func regrow(center: CenterName) async throws { _ = try await change(.regrow(center: center.value)) }
  /// Centers whose members do not vote, as far as this member has applied.
  public var shrinks: [Shrink] { board.cluster.shrinks }
  /// Every time when survivors of a lost majority became a new cluster, oldest first.
  public var recoveries: [Recovery] { board.cluster.recoveries }
  /// This member was removed from the cluster for good, and has stopped.
  public var isRemoved: Bool { status.isRemoved }
}
