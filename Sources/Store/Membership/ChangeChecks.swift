import Consensus
import Keyspace
import Primitives

/// etcd's rules for changing members (`membership.RaftCluster`, `EtcdServer.mayAddMember` and its neighbours, with
/// `--strict-reconfig-check`, its default): what could cost the majority is refused.
struct ChangeChecks {
  var cluster: ClusterState
  var own: MemberID
  /// The log's end, and what the leader knows of the others.
  var status: RaftStatus
  var maxLearners: Int
  /// A voter not heard for so many ticks is not there.
  var patience: UInt64

  /// Those of a center whose votes were taken do not count.
  private var voters: [MemberRecord] { cluster.members.filter { $0.role == .voter && cluster.shrink(of: $0.center) == nil } }

  func check(_ change: MemberChange) throws(KeyspaceError) {
    switch change {
    case .add(let new):
      try PeerURL.check(new.peerURLs)
      try cluster.checkURLs(new.peerURLs, except: nil)
      if new.isLearner {
        let learners: Int = cluster.members.count - voters.count
        guard learners < maxLearners else {
          throw KeyspaceError(
            .tooManyLearners, "\(learners) learners are here already, at most \(maxLearners) may be: promote or remove one")
        }
      } else {
        let started: Int = voters.filter(\.isStarted).count
        // One member that gets a second is how a cluster begins; both must be there from then on.
        if !(started == 1 && voters.count == 1) { try needMajority(started, of: voters.count + 1) }
      }
      try needEverybody()
    case .remove(let id):
      let record: MemberRecord = try member(id)
      guard record.role == .voter else { return }
      let left: [MemberRecord] = voters.filter { $0.id != id }
      try needMajority(left.filter(\.isStarted).count, of: left.count)
      guard id == own || isThere(id) else { return }
      let there: Int = voters.filter { isThere($0.id) }.count
      guard there - 1 >= 1 + (voters.count - 1) / 2 else {
        throw KeyspaceError(
          .unhealthy,
          "only \(there) of \(voters.count) voters are there: without \(id) the rest could lose its majority. Bring one back first")
      }
    case .update(let id, let urls):
      _ = try member(id)
      try PeerURL.check(urls)
      try cluster.checkURLs(urls, except: id)
    case .promote(let id):
      let record: MemberRecord = try member(id)
      guard record.role == .learner else { throw KeyspaceError(.memberNotLearner, "member \(id) votes already") }
      let peer: PeerStatus? = status.peers.first { $0.id == id }
      // etcd: nine tenths of the leader's log.
      guard let peer, peer.replication == .replicating, peer.match * 10 >= status.lastIndex * 9, peer.silentTicks < patience else {
        throw KeyspaceError(
          .learnerNotReady, "member \(id) has the log up to \(peer?.match ?? 0) of \(status.lastIndex): wait until it has caught up")
      }
      try needMajority(voters.filter(\.isStarted).count + 1, of: voters.count + 1)
    case .shrink(let shrink):
      guard cluster.members.contains(where: { $0.center == shrink.center }) else {
        throw KeyspaceError(
          .memberNotFound, "no member is in a center \(shrink.center): there are \(Set(cluster.members.map(\.center)).sorted())")
      }
    case .regrow(let center):
      guard cluster.shrink(of: center) != nil else {
        throw KeyspaceError(.memberNotFound, "the members of \(center) were not told to give their votes away")
      }
    case .setDurability(let rules):
      guard rules.rules.count <= StoreLimits.durabilityRules else {
        throw KeyspaceError(.tooManyRequests, "\(rules.rules.count) prefixes are more than \(StoreLimits.durabilityRules)")
      }
    }
  }

  private func member(_ id: MemberID) throws(KeyspaceError) -> MemberRecord {
    guard let record: MemberRecord = cluster.member(id) else {
      throw KeyspaceError(.memberNotFound, "no member has the id \(id): see the list of members")
    }
    return record
  }

  private func needMajority(_ started: Int, of count: Int) throws(KeyspaceError) {
    guard count > 0, started >= count / 2 + 1 else {
      throw KeyspaceError(
        .notEnoughStarted, "only \(started) of then \(count) voters would be started: start the others, or remove those that never will")
    }
  }

  private func needEverybody() throws(KeyspaceError) {
    let missing: [MemberRecord] = voters.filter { !isThere($0.id) }
    guard missing.isEmpty else {
      throw KeyspaceError(
        .unhealthy,
        "not every voter is there (\(missing.map { "\($0.name)=\($0.id)" }.joined(separator: ", "))): bring them back or remove them first")
    }
  }

  private func isThere(_ id: MemberID) -> Bool {
    id == own || status.peers.contains { $0.id == id && $0.match > 0 && $0.silentTicks < patience }
  }
}
