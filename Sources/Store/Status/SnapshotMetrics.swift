import Metrics
import Primitives

/// Snapshots between members, under etcd's names. Rare: handles are asked for when something happens.
struct SnapshotMetrics: Sendable {
  private func to(_ name: String) -> [(String, String)] { [("To", name)] }
  private func from(_ name: String) -> [(String, String)] { [("From", name)] }

  func sending(to name: String, count: Int) {
    Gauge(label: "etcd_network_snapshot_send_inflights_total", dimensions: to(name)).record(count)
  }

  /// nil: it was not delivered.
  func sent(to name: String, within duration: Duration?) {
    sending(to: name, count: 0)
    guard let duration else { return Counter(label: "etcd_network_snapshot_send_failures", dimensions: to(name)).increment() }
    Counter(label: "etcd_network_snapshot_send_success", dimensions: to(name)).increment()
    Timer(label: "etcd_network_snapshot_send_total_duration_seconds", dimensions: to(name)).recordNanoseconds(duration.inNanoseconds)
  }

  func receiving(from name: String, count: Int) {
    Gauge(label: "etcd_network_snapshot_receive_inflights_total", dimensions: from(name)).record(count)
  }

  /// nil: it did not come, or could not be used.
  func received(from name: String, within duration: Duration?) {
    receiving(from: name, count: 0)
    guard let duration else { return Counter(label: "etcd_network_snapshot_receive_failures", dimensions: from(name)).increment() }
    Counter(label: "etcd_network_snapshot_receive_success", dimensions: from(name)).increment()
    Timer(label: "etcd_network_snapshot_receive_total_duration_seconds", dimensions: from(name)).recordNanoseconds(duration.inNanoseconds)
  }
}
