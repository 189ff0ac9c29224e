import NIOCore
import Primitives
import SiteLink
import Synchronization

@testable import Store

/// Loses what is not urgent on its way to the far city while the line is narrow.
struct NarrowLink: PeerLink {
  let link: SiteLink
  let town: FiveTown
  let far: MemberID

  func start() async throws { try await link.start() }
  func stop() async { await link.stop() }
  func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool {
    if member == far, priority != .urgent, town.narrow.load(ordering: .relaxed) { return true }
    return link.send(frame, to: member, priority: priority)
  }
  func update(peers: [LinkPeer], removed: Set<MemberID>) { link.updatePeers(peers, removed: removed) }
  func setEpoch(_ epoch: LinkEpoch) { link.setEpoch(epoch) }
  func roundTrips() -> [MemberID: Int64] { [:] }
}
