import HTTP
import Metrics
import Primitives
import Synchronization

/// What the client API counts, under the names that dashboards made for etcd know.
final class EtcdMetrics: Sendable {
  let received = Counter(label: "etcd_network_client_grpc_received_bytes_total")
  let sent = Counter(label: "etcd_network_client_grpc_sent_bytes_total")
  let ranges = Counter(label: "etcd_mvcc_range_total")
  let puts = Counter(label: "etcd_mvcc_put_total")
  let deletions = Counter(label: "etcd_mvcc_delete_total")
  let transactions = Counter(label: "etcd_mvcc_txn_total")
  let leases = Counter(label: "etcd_debugging_lease_granted_total")
  let revocations = Counter(label: "etcd_debugging_lease_revoked_total")
  let renewals = Counter(label: "etcd_debugging_lease_renewed_total")
  let watchEvents = Counter(label: "etcd_debugging_mvcc_events_total")
  let healthSuccesses = Counter(label: "etcd_server_health_success")
  let healthFailures = Counter(label: "etcd_server_health_failures")

  init(member: MemberID, quota: Int64?) {
    Gauge(label: "etcd_server_version", dimensions: [("server_version", EtcdService.version)]).record(1)
    Gauge(label: "etcd_cluster_version", dimensions: [("cluster_version", String(EtcdService.version.prefix(3)))]).record(1)
    Gauge(label: "etcd_server_id", dimensions: [("server_id", String(member.value, radix: 16))]).record(1)
    Gauge(label: "etcd_server_quota_backend_bytes").record(quota ?? -1)
  }

  func method(_ path: String, type: String) -> MethodMetrics { MethodMetrics(path, type: type, self) }
}

/// Calls of one method and their messages: `grpc_server_started_total`, `grpc_server_handled_total`, `grpc_server_msg_received_total` and
/// `grpc_server_msg_sent_total`, as grpc's Prometheus interceptors name them.
final class MethodMetrics: Sendable {
  private let startedCalls: Counter
  private let messagesReceived: Counter
  private let messagesSent: Counter
  private let handledWell: Counter
  private let handledOtherwise: Mutex<[Int: Counter]> = Mutex([:])
  private let labels: [(String, String)]
  private let own: Counter?
  private let all: EtcdMetrics

  init(_ path: String, type: String, _ all: EtcdMetrics) {
    let parts: [Substring] = path.split(separator: "/")
    labels = [("grpc_method", String(parts.last ?? "")), ("grpc_service", String(parts.first ?? "")), ("grpc_type", type)]
    startedCalls = Counter(label: "grpc_server_started_total", dimensions: labels)
    messagesReceived = Counter(label: "grpc_server_msg_received_total", dimensions: labels)
    messagesSent = Counter(label: "grpc_server_msg_sent_total", dimensions: labels)
    handledWell = Counter(label: "grpc_server_handled_total", dimensions: [("grpc_code", "OK")] + labels)
    self.all = all
    own =
      switch path {
      case RangeMethod.path: all.ranges
      case PutMethod.path: all.puts
      case DeleteRangeMethod.path: all.deletions
      case TxnMethod.path: all.transactions
      case LeaseGrantMethod.path: all.leases
      case LeaseRevokeMethod.path: all.revocations
      default: nil
      }
  }

  func started() { startedCalls.increment() }

  func received(bytes: Int) {
    messagesReceived.increment()
    all.received.increment(by: bytes)
  }

  func sent(bytes: Int) {
    messagesSent.increment()
    all.sent.increment(by: bytes)
  }

  func handled(_ code: GRPCStatus.Code) {
    guard code != .ok else {
      own?.increment()
      return handledWell.increment()
    }
    handledOtherwise.withLock { counters in
      let counter: Counter =
        counters[code.value] ?? Counter(label: "grpc_server_handled_total", dimensions: [("grpc_code", code.name)] + labels)
      counters[code.value] = counter
      counter.increment()
    }
  }
}

extension GRPCStatus.Code {
  /// As grpc's own libraries write it.
  var name: String {
    let names: [String] = [
      "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
      "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
      "Unauthenticated",
    ]
    return names.indices.contains(value) ? names[value] : "Code(\(value))"
  }
}
