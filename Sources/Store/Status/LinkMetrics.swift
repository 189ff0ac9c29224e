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
    var received: Counter
    var last: (LinkTraffic, uncompressed: Int64, received: Int64) = (LinkTraffic(), 0, 0)

    init(_ peer: LinkPeer) {
      name = peer.hostName.value
      let to: [(String, String)] = [("To", name), ("center", peer.center.value)]
      sent = ["control", "entries", "bulk"].map {
        Counter(label: "tricenter_store_link_sent_bytes_total", dimensions: to + [("class", $0)])
      }
      uncompressed = Counter(label: "tricenter_store_link_sent_uncompressed_bytes_total", dimensions: to)
      received = Counter(label: "etcd_network_peer_received_bytes_total", dimensions: [("From", name)])
    }

    mutating func record(_ status: LinkStatus) {
      for (counter, priority) in zip(sent, LinkPriority.allCases) {
        counter.increment(by: max(0, status.sent[priority] - last.0[priority]))
      }
      uncompressed.increment(by: max(0, status.sentUncompressed - last.uncompressed))
      received.increment(by: max(0, status.bytesIn - last.received))
      last = (status.sent, status.sentUncompressed, status.bytesIn)
    }

    func destroy() { for counter in sent + [uncompressed, received] { counter.destroy() } }
  }
  private let links: Mutex<[MemberID: Counters]> = Mutex([:])

  func record(_ statuses: [LinkStatus]) {
    links.withLock { links in
      for status in statuses where !status.peer.hostName.value.isEmpty {
        var counters: Counters = links[status.peer.member] ?? Counters(status.peer)
        if counters.name != status.peer.hostName.value {
          counters.destroy()
          counters = Counters(status.peer)
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
