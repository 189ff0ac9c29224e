import Metrics
import Primitives
import Synchronization

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
  let walWrite = Timer(label: "etcd_disk_wal_write_duration_seconds")
  let walBytes = Counter(label: "etcd_disk_wal_write_bytes_total")
  private let valueFiles = Gauge(label: "tricenter_store_value_file_bytes")
  let rereads = Counter(label: "tricenter_store_value_rereads_total")
  private let repairing = Gauge(label: "tricenter_store_repairing")
  private let diskStalled = Gauge(label: "tricenter_store_disk_stalled_seconds")
  private let diskFull = Gauge(label: "tricenter_store_disk_full")
  private let diskWaits = Gauge(label: "tricenter_store_disk_waits_for_space")
  private let pause = Gauge(label: "tricenter_store_longest_pause_seconds")
  private let silence = Gauge(label: "tricenter_store_longest_leader_silence_seconds")
  private let databaseInUse = Gauge(label: "etcd_mvcc_db_total_size_in_use_in_bytes")
  private let databaseSize = Gauge(label: "etcd_mvcc_db_total_size_in_bytes")
  private let keys = Gauge(label: "etcd_debugging_mvcc_keys_total")
  private let revision = Gauge(label: "etcd_debugging_mvcc_current_revision")
  private let compactedRevision = Gauge(label: "etcd_debugging_mvcc_compact_revision")
  private let watchers = Gauge(label: "etcd_debugging_mvcc_watcher_total")
  let operations = OperationMetrics()
  let readsFailed = Counter(label: "etcd_server_read_indexes_failed_total")
  let snapshotSaved = Timer(label: "etcd_debugging_snap_save_total_duration_seconds")
  let leasesExpired = Counter(label: "etcd_debugging_server_lease_expired_total")
  private let term = Gauge(label: "tricenter_store_term")
  private let epoch = Gauge(label: "tricenter_store_epoch")
  private let failed = Gauge(label: "tricenter_store_failed")
  let degradations = Counter(label: "tricenter_store_durability_degradations_total")

  /// On a relay: what it handed to its neighbours. On the leader: what did not cross a link again, and how often that did not work.
  let relayedBytes = Counter(label: "tricenter_store_relayed_bytes_total")
  let relaySpared = Counter(label: "tricenter_store_relay_spared_bytes_total")
  let relayFailures = Counter(label: "tricenter_store_relay_failures_total")

  let links = LinkMetrics()
  let snapshots = SnapshotMetrics()
  let snapshotBytes = Counter(label: "tricenter_store_snapshot_sent_bytes_total")
  let snapshotsResumed = Counter(label: "tricenter_store_snapshots_resumed_total")
  let snapshotsDelegated = Counter(label: "tricenter_store_snapshots_delegated_total")

  private struct CityGauges: Sendable {
    var entries: Gauge
    var bytes: Gauge
    var seconds: Gauge
    var degraded: Gauge
    init(_ city: String) {
      let labels: [(String, String)] = [("city", city)]
      entries = Gauge(label: "tricenter_store_city_lag_entries", dimensions: labels)
      bytes = Gauge(label: "tricenter_store_city_lag_bytes", dimensions: labels)
      seconds = Gauge(label: "tricenter_store_city_lag_seconds", dimensions: labels)
      degraded = Gauge(label: "tricenter_store_city_degraded", dimensions: labels)
    }
  }
  private let cities: Mutex<[String: CityGauges]> = Mutex([:])

  private func record(_ city: CityProgress) {
    let gauges: CityGauges = cities.withLock { cities in
      let known: CityGauges = cities[city.name] ?? CityGauges(city.name)
      cities[city.name] = known
      return known
    }
    gauges.degraded.record(city.degradation == nil ? 0 : 1)
    // Others than the leader do not know: they show none, and the greatest over all members is the truth.
    gauges.entries.record(city.lagEntries ?? 0)
    gauges.bytes.record(city.lagBytes ?? 0)
    gauges.seconds.record(city.lagSeconds ?? 0)
  }

  /// Members come and go.
  private let peers: Mutex<[MemberID: PeerGauges]> = Mutex([:])

  private struct PeerGauges: Sendable {
    var name: String
    var roundTrip: Timer
    var entries: Gauge
    var bytes: Gauge
    var seconds: Gauge

    init(_ peer: PeerProgress) {
      name = peer.name.value
      let labels: [(String, String)] = [("To", name), ("center", peer.center.value)]
      roundTrip = Timer(label: "etcd_network_peer_round_trip_time_seconds", dimensions: labels)
      entries = Gauge(label: "tricenter_store_peer_lag_entries", dimensions: labels)
      bytes = Gauge(label: "tricenter_store_peer_lag_bytes", dimensions: labels)
      seconds = Gauge(label: "tricenter_store_peer_lag_seconds", dimensions: labels)
    }

    func destroy() {
      roundTrip.destroy()
      for gauge in [entries, bytes, seconds] { gauge.destroy() }
    }
  }

  private func gauges(_ peer: PeerProgress) -> PeerGauges {
    peers.withLock { peers in
      if let known: PeerGauges = peers[peer.id] {
        if known.name == peer.name.value { return known }
        known.destroy()
      }
      let made = PeerGauges(peer)
      peers[peer.id] = made
      return made
    }
  }

  /// Whoever is no member any more has no lag.
  func forget(except members: [MemberID]) {
    links.forget(except: members)
    peers.withLock { peers in
      for (id, gauges) in peers where !members.contains(id) {
        gauges.destroy()
        peers[id] = nil
      }
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
    databaseInUse.record(status.dataBytes)
    keys.record(status.keys)
    revision.record(status.revision)
    compactedRevision.record(status.compactedRevision)
    watchers.record(status.watches)
    term.record(status.term)
    epoch.record(status.epoch)
    failed.record(status.failure == nil ? 0 : 1)
    valueFiles.record(status.fileBytes)
    repairing.record(status.isRepairing ? 1 : 0)
    diskStalled.record(status.disk.stalledSeconds)
    diskFull.record(status.disk.fullSeconds > 0 ? 1 : 0)
    pause.record(status.longestPauseSeconds)
    silence.record(status.longestSilenceSeconds)
    diskWaits.record(status.disk.waitsForSpace ? 1 : 0)
    for city in status.cities { record(city) }
    for peer in status.peers {
      let gauges: PeerGauges = gauges(peer)
      gauges.entries.record(peer.lagEntries)
      gauges.bytes.record(peer.lagBytes)
      gauges.seconds.record(peer.lagSeconds)
    }
    for (member, nanoseconds) in roundTrips {
      peers.withLock { $0[member]?.roundTrip }?.recordNanoseconds(nanoseconds)
    }
  }
}
