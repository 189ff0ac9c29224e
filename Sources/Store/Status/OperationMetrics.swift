import Keyspace
import Metrics
import Observability
import Primitives

/// What was done to the keyspace, counted as etcd counts it: on every member, what it applied, and what was read of it.
struct OperationCounts {
  var ranges: Int = 0
  var puts: Int = 0
  var putBytes: Int = 0
  var deletions: Int = 0
  /// Of more than one operation.
  var transactions: Int = 0
  var revoked: Int = 0
  var isEmpty: Bool = true

  mutating func add(_ command: KeyspaceCommand, _ result: Result<CommandResult, KeyspaceError>) {
    guard case .success(let success) = result else { return }
    switch (command, success) {
    case (.guarded(_, let inner), _): add(inner, result)
    case (.transaction(let request), .transaction(let response)): add(request, response)
    case (.revokeLease, _): (revoked, isEmpty) = (revoked + 1, false)
    default: break
    }
  }

  /// One that writes, or only reads.
  mutating func add(_ request: TransactionRequest, _ response: TransactionResponse) {
    isEmpty = false
    let before: Int = ranges + puts + deletions
    count(request, response)
    if ranges + puts + deletions > before + 1 { transactions += 1 }
  }

  private mutating func count(_ request: TransactionRequest, _ response: TransactionResponse) {
    let branch: [Operation] = response.succeeded ? request.success : request.failure
    for (operation, answer) in zip(branch, response.responses) {
      switch operation {
      case .range: ranges += 1
      case .delete: deletions += 1
      case .put(let put):
        puts += 1
        putBytes += put.key.count + put.value.count
      case .transaction(let inner):
        if case .transaction(let answer) = answer { count(inner, answer) }
      }
    }
  }
}

final class OperationMetrics: Sendable {
  private let ranges = Counter(label: "etcd_mvcc_range_total")
  private let puts = Counter(label: "etcd_mvcc_put_total")
  private let deletions = Counter(label: "etcd_mvcc_delete_total")
  private let transactions = Counter(label: "etcd_mvcc_txn_total")
  private let putBytes = Counter(label: "etcd_debugging_mvcc_total_put_size_in_bytes")
  private let granted = Counter(label: "etcd_debugging_lease_granted_total")
  private let revoked = Counter(label: "etcd_debugging_lease_revoked_total")
  private let ttls: Recorder
  let renewed = Counter(label: "etcd_debugging_lease_renewed_total")
  let lastCompaction = Gauge(label: "etcd_debugging_mvcc_db_compaction_last")

  init() {
    // etcd's: from a second to three months.
    PrometheusRegistry.shared.setBounds(of: "etcd_debugging_lease_ttl_total", first: 1, count: 24)
    ttls = Recorder(label: "etcd_debugging_lease_ttl_total", aggregate: true)
  }

  /// Once for a batch of entries: a counter is an atomic operation, and an entry has several.
  func add(_ counts: OperationCounts) {
    guard !counts.isEmpty else { return }
    if counts.ranges > 0 { ranges.increment(by: counts.ranges) }
    if counts.puts > 0 {
      puts.increment(by: counts.puts)
      putBytes.increment(by: counts.putBytes)
    }
    if counts.deletions > 0 { deletions.increment(by: counts.deletions) }
    if counts.transactions > 0 { transactions.increment(by: counts.transactions) }
    if counts.revoked > 0 { revoked.increment(by: counts.revoked) }
  }

  func ranged() { ranges.increment() }

  func granted(_ grant: LeaseGrant) {
    granted.increment()
    ttls.record(grant.ttlSeconds)
  }
}
