import Metrics
import Primitives

/// A member's metrics: etcd's names where the thing measured is the same, `tricenter_store_…` for what etcd does not have.
final class StoreMetrics: Sendable {
  private let hasLeader = Gauge(label: "etcd_server_has_leader")
  private let isLeader = Gauge(label: "etcd_server_is_leader")
  private let isLearner = Gauge(label: "etcd_server_is_learner")
  let leaderChanges = Counter(label: "etcd_server_leader_changes_seen_total")
  private let committed = Gauge(label: "etcd_server_proposals_committed_total")
  private let applied = Gauge(label: "etcd_server_proposals_applied_total")
  private let pending = Gauge(label: "etcd_server_proposals_pending")
  let proposalsFailed = Counter(label: "etcd_server_proposals_failed_total")
  let walSync = Timer(label: "etcd_disk_wal_fsync_duration_seconds")
  private let databaseSize = Gauge(label: "etcd_mvcc_db_total_size_in_bytes")
  private let keys = Gauge(label: "etcd_debugging_mvcc_keys_total")
  private let revision = Gauge(label: "etcd_debugging_mvcc_current_revision")
  private let compactedRevision = Gauge(label: "etcd_debugging_mvcc_compact_revision")
  private let watchers = Gauge(label: "etcd_debugging_mvcc_watcher_total")
  let leasesExpired = Counter(label: "etcd_debugging_server_lease_expired_total")
  private let term = Gauge(label: "tricenter_store_term")
  private let failed = Gauge(label: "tricenter_store_failed")
  private let peers: [MemberID: PeerGauges]

  private struct PeerGauges: Sendable {
    var roundTrip: Timer
    var entries: Gauge
    var bytes: Gauge
    var seconds: Gauge
  }

  init(members: [StoreMember], own: MemberID) {
    peers = members.filter { $0.id != own }.reduce(into: [:]) { result, member in
      let labels: [(String, String)] = [("To", member.name.value), ("center", member.center.value)]
      result[member.id] = PeerGauges(
        roundTrip: Timer(label: "etcd_network_peer_round_trip_time_seconds", dimensions: labels),
        entries: Gauge(label: "tricenter_store_peer_lag_entries", dimensions: labels),
        bytes: Gauge(label: "tricenter_store_peer_lag_bytes", dimensions: labels),
        seconds: Gauge(label: "tricenter_store_peer_lag_seconds", dimensions: labels))
    }
  }

  func record(_ status: StoreStatus, roundTrips: [MemberID: Int64]) {
    hasLeader.record(status.leader == nil ? 0 : 1)
    isLeader.record(status.isLeader ? 1 : 0)
    isLearner.record(status.isLearner ? 1 : 0)
    committed.record(status.commitIndex)
    applied.record(status.appliedIndex)
    pending.record(status.pendingProposals)
    databaseSize.record(status.dataBytes)
    keys.record(status.keys)
    revision.record(status.revision)
    compactedRevision.record(status.compactedRevision)
    watchers.record(status.watches)
    term.record(status.term)
    failed.record(status.failure == nil ? 0 : 1)
    for peer in status.peers {
      guard let gauges: PeerGauges = peers[peer.id] else { continue }
      gauges.entries.record(peer.lagEntries)
      gauges.bytes.record(peer.lagBytes)
      gauges.seconds.record(peer.lagSeconds)
    }
    for (member, nanoseconds) in roundTrips { peers[member]?.roundTrip.recordNanoseconds(nanoseconds) }
  }
}
