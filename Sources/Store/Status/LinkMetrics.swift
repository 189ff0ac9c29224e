import Metrics
import Primitives
import SiteLink
import Synchronization

/// What crossed each link, by class: control (heartbeats, votes), entries, and bulk (snapshots). Counters grow by what the link counted
/// since the last look.
final class LinkMetrics: Sendable {
  private struct Counters: Sendable {
    var name: String
    var sent: [Counter]
    var uncompressed: Counter
    /// etcd's names.
    var sentInAll: Counter
    var sendFailures: Counter
    var received: Counter
    var active: Gauge
    var known: Gauge
    var disconnected: Counter
    var last: (LinkTraffic, uncompressed: Int64, received: Int64) = (LinkTraffic(), 0, 0)
    var lastOut: Int64 = 0
    var lastDropped: Int64 = 0
    var wasUp: Bool = false

    init(_ peer: LinkPeer, own: String) {
      name = peer.hostName.value
      let to: [(String, String)] = [("To", name), ("center", peer.center.value)]
      sent = ["control", "entries", "bulk"].map {
        Counter(label: "tricenter_store_link_sent_bytes_total", dimensions: to + [("class", $0)])
      }
      uncompressed = Counter(label: "tricenter_store_link_sent_uncompressed_bytes_total", dimensions: to)
      sentInAll = Counter(label: "etcd_network_peer_sent_bytes_total", dimensions: [("To", name)])
      sendFailures = Counter(label: "etcd_network_peer_sent_failures_total", dimensions: [("To", name)])
      received = Counter(label: "etcd_network_peer_received_bytes_total", dimensions: [("From", name)])
      let pair: [(String, String)] = [("Local", own), ("Remote", name)]
      active = Gauge(label: "etcd_network_active_peers", dimensions: pair)
      known = Gauge(label: "etcd_network_known_peers", dimensions: pair)
      disconnected = Counter(label: "etcd_network_disconnected_peers_total", dimensions: pair)
      known.record(1)
    }

    mutating func record(_ status: LinkStatus) {
      for (counter, priority) in zip(sent, LinkPriority.allCases) {
        counter.increment(by: max(0, status.sent[priority] - last.0[priority]))
      }
      uncompressed.increment(by: max(0, status.sentUncompressed - last.uncompressed))
      received.increment(by: max(0, status.bytesIn - last.received))
      sentInAll.increment(by: max(0, status.bytesOut - lastOut))
      sendFailures.increment(by: max(0, status.dropped - lastDropped))
      active.record(status.up ? 1 : 0)
      if wasUp, !status.up { disconnected.increment() }
      (lastOut, lastDropped, wasUp) = (status.bytesOut, status.dropped, status.up)
      last = (status.sent, status.sentUncompressed, status.bytesIn)
    }

    func destroy() {
      for counter in sent + [uncompressed, sentInAll, sendFailures, received, disconnected] { counter.destroy() }
      for gauge in [active, known] { gauge.destroy() }
    }
  }
  private let links: Mutex<[MemberID: Counters]> = Mutex([:])

  /// - Parameter own: this member's name.
  func record(_ statuses: [LinkStatus], own: String) {
    links.withLock { links in
      for status in statuses where !status.peer.hostName.value.isEmpty {
        var counters: Counters = links[status.peer.member] ?? Counters(status.peer, own: own)
        if counters.name != status.peer.hostName.value {
          counters.destroy()
          counters = Counters(status.peer, own: own)
        }
        counters.record(status)
        links[status.peer.member] = counters
      }
    }
  }

  func forget(except members: [MemberID]) {
    links.withLock { links in
      for (id, counters) in links where !members.contains(id) {
        counters.destroy()
        links[id] = nil
      }
    }
  }
}
