import Metrics
import Primitives

/// Snapshots between members, under etcd's names. Rare: handles are asked for when something happens.
struct SnapshotMetrics: Sendable {
  enum Way: String, Sendable {
    case send, receive
    var peerLabel: String { self == .send ? "To" : "From" }
  }

  /// So many are on their way to or from the member now.
  func underWay(_ way: Way, _ member: String, count: Int) {
    Gauge(label: "etcd_network_snapshot_\(way.rawValue)_inflights_total", dimensions: [(way.peerLabel, member)]).record(count)
  }

  /// - Parameter duration: nil: it did not arrive, or could not be used.
  func ended(_ way: Way, _ member: String, within duration: Duration?) {
    underWay(way, member, count: 0)
    let (name, dimensions): (String, [(String, String)]) = ("etcd_network_snapshot_\(way.rawValue)", [(way.peerLabel, member)])
    guard let duration else { return Counter(label: "\(name)_failures", dimensions: dimensions).increment() }
    Counter(label: "\(name)_success", dimensions: dimensions).increment()
    Timer(label: "\(name)_total_duration_seconds", dimensions: dimensions).recordNanoseconds(duration.inNanoseconds)
  }
}
