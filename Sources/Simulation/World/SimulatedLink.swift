import NIOCore
import Primitives
import SiteLink
import Store

/// What one member sends through.
///
/// `@unchecked Sendable`: it belongs to one world, which runs on one thread at a time.
final class SimulatedLink: PeerLink, @unchecked Sendable {
  private unowned let world: World
  private let host: Int

  init(_ world: World, _ host: Int) {
    self.world = world
    self.host = host
  }

  func start() async throws {}
  func stop() async {}
  func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool {
    world.send(Bytes(frame.readableBytesView), from: host, to: member)
  }
  func send(bytes: Bytes, to member: MemberID, priority: LinkPriority) -> Bool { world.send(bytes, from: host, to: member) }
  func roundTrips() -> [MemberID: Int64] { [:] }
}
