import HTTP
import Metrics
import Primitives
import Synchronization

/// What the client API counts, under the names that dashboards made for etcd know. What is done to the keyspace the store counts itself, on
/// every member (`Store`'s `OperationMetrics`).
final class EtcdMetrics: Sendable {
  let received = Counter(label: "etcd_network_client_grpc_received_bytes_total")
  let sent = Counter(label: "etcd_network_client_grpc_sent_bytes_total")
  let watchEvents = Counter(label: "etcd_debugging_mvcc_events_total")
  let healthSuccesses = Counter(label: "etcd_server_health_success")
  let healthFailures = Counter(label: "etcd_server_health_failures")
  let hash = Timer(label: "etcd_mvcc_hash_duration_seconds")
  let hashOfRevision = Timer(label: "etcd_mvcc_hash_rev_duration_seconds")
  let promotions = Counter(label: "etcd_server_learner_promote_successes")
  private let defragments = Gauge(label: "etcd_disk_defrag_inflight")
  private let defragmented = Timer(label: "etcd_disk_backend_defrag_duration_seconds")
  private let authRevision = Gauge(label: "etcd_debugging_auth_revision")
  private let watchStreamGauge = Gauge(label: "etcd_debugging_mvcc_watch_stream_total")
  private let watchStreams = Atomic<Int>(0)

  init(member: MemberID, quota: Int64?) {
    Gauge(label: "etcd_server_version", dimensions: [("server_version", EtcdService.version)]).record(1)
    Gauge(label: "etcd_cluster_version", dimensions: [("cluster_version", String(EtcdService.version.prefix(3)))]).record(1)
    Gauge(label: "etcd_server_id", dimensions: [("server_id", String(member.value, radix: 16))]).record(1)
    Gauge(label: "etcd_server_quota_backend_bytes").record(quota ?? -1)
  }

  /// When somebody looks.
  func record(_ settings: ClusterSettings) { authRevision.record(settings.auth?.state.revision ?? 1) }

  func watchStreams(_ change: Int) {
    watchStreamGauge.record(watchStreams.wrappingAdd(change, ordering: .relaxed).newValue)
  }

  /// How long it took, where it did not fail.
  func timing<Value: Sendable>(_ timer: Timer, _ work: () async throws -> Value) async rethrows -> Value {
    let clock = SystemClock()
    let began: MonotonicTime = clock.now()
    let value: Value = try await work()
    timer.recordNanoseconds((clock.now() - began).inNanoseconds)
    return value
  }

  func defragmenting(_ work: () async throws -> Void) async rethrows {
    defragments.record(1)
    defer { defragments.record(0) }
    try await timing(defragmented, work)
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
  private let all: EtcdMetrics

  init(_ path: String, type: String, _ all: EtcdMetrics) {
    let parts: [Substring] = path.split(separator: "/")
    labels = [("grpc_method", String(parts.last ?? "")), ("grpc_service", String(parts.first ?? "")), ("grpc_type", type)]
    startedCalls = Counter(label: "grpc_server_started_total", dimensions: labels)
    messagesReceived = Counter(label: "grpc_server_msg_received_total", dimensions: labels)
    messagesSent = Counter(label: "grpc_server_msg_sent_total", dimensions: labels)
    handledWell = Counter(label: "grpc_server_handled_total", dimensions: [("grpc_code", "OK")] + labels)
    self.all = all
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
    guard code != .ok else { return handledWell.increment() }
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
