import Logging
import NIOCore
import NIOPosix
import Primitives
import Synchronization
import TLS
import Testing

@testable import SiteLink

let quiet: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Certificates of one federation's hosts, in memory.
struct Federation: Sendable {
  let authority: CertificateAuthority
  init() throws {
    authority = try CertificateAuthority.create(commonName: "ca", lifetime: .seconds(86_400), now: SystemClock().wall())
  }

  func identity(_ host: String, center: String = "production", daemon: String = "store") throws -> TLSIdentity {
    var leaf = LeafDescription(commonName: "tricenter:store:\(host)")
    leaf.uris = [IdentityURI(federation: "bank", center: center, host: host, daemon: daemon).description]
    return try authority.issue(leaf, now: SystemClock().wall())
  }

  func tls(_ host: String, center: String = "production", daemon: String = "store") throws -> LinkTLS {
    let identity: TLSIdentity = try identity(host, center: center, daemon: daemon)
    return LinkTLS(
      server: try .server(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: quiet),
      client: try .client(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: quiet))
  }
}

enum Event: Equatable, Sendable {
  case message(MemberID, Bytes)
  case link(MemberID, Bool)
}

/// A member on loopback with everything that it was told.
final class Member: Sendable {
  let peer: LinkPeer
  let link: SiteLink
  let loop: any EventLoop
  private let events: AsyncStream<Event>
  let seen: Mutex<[Event]> = Mutex([])

  init(
    _ id: UInt64, _ host: String, _ federation: Federation, cluster: UInt64 = 0xBA, certificateOf other: String? = nil,
    center: CenterName = "production", city: String = "", limits: LinkLimits = .quick, tls: LinkTLS? = nil
  ) throws {
    peer = LinkPeer(member: MemberID(id), host: "127.0.0.1", port: 0, center: center, city: city, hostName: HostName(host))
    loop = MultiThreadedEventLoopGroup.singleton.next()
    let (stream, inlet) = AsyncStream<Event>.makeStream()
    link = SiteLink(
      local: peer, clusterID: cluster, peers: [], tls: try tls ?? federation.tls(other ?? host, center: center.value), eventLoop: loop,
      bind: ("127.0.0.1", 0),
      logger: quiet, limits: limits, seed: id,
      receive: { member, buffer in inlet.yield(.message(member, Bytes(buffer.readableBytesView))) },
      linkChanged: { member, up in inlet.yield(.link(member, up)) })
    events = stream
  }

  /// As others dial it; `port` where a proxy stands in between.
  func address(port: Int? = nil) -> LinkPeer {
    var peer: LinkPeer = peer
    peer.port = port ?? link.port ?? 0
    return peer
  }

  /// Waits for events until one fits; all of them are kept in `seen`.
  func wait(for fits: (Event) -> Bool) async {
    for await event in events {
      seen.withLock { $0.append(event) }
      if fits(event) { return }
    }
  }
  func waitUp(_ other: Member) async { await wait { $0 == .link(other.peer.member, true) } }
  func waitDown(_ other: Member) async { await wait { $0 == .link(other.peer.member, false) } }

  var messages: [Bytes] {
    seen.withLock { $0.compactMap { if case .message(_, let bytes) = $0 { bytes } else { nil } } }
  }

  func send(_ frames: [(Bytes, LinkPriority)], to other: Member) async throws -> [Bool] {
    let link: SiteLink = link
    let member: MemberID = other.peer.member
    return try await loop.submit { frames.map { link.send(ByteBuffer(bytes: $0.0), to: member, priority: $0.1) } }.get()
  }

  func status(of other: Member) -> LinkStatus? { link.status().first { $0.peer.member == other.peer.member } }

  /// Until `status` says so; links publish it on their own event loop.
  func eventually(_ other: Member, _ holds: (LinkStatus) -> Bool) async throws -> LinkStatus {
    for _ in 0..<1000 {
      if let status: LinkStatus = status(of: other), holds(status) { return status }
      try await Task.sleep(for: .milliseconds(10))
    }
    return try #require(status(of: other).flatMap { holds($0) ? $0 : nil }, "\(String(describing: status(of: other)))")
  }
}

extension LinkLimits {
  /// Tests do not wait for seconds; but a machine that builds something else at the same time must not look like a cut.
  static var quick: LinkLimits {
    var limits = LinkLimits()
    limits.pingInterval = .milliseconds(50)
    limits.silence = .seconds(5)
    limits.firstRetry = .milliseconds(10)
    limits.lastRetry = .milliseconds(100)
    return limits
  }
}

/// Starts the members and makes them each other's peers.
func connect(_ members: Member...) async throws {
  for member in members { try await member.link.start() }
  for member in members { member.link.updatePeers(members.map { $0.address() }) }
}

func stop(_ members: Member...) async {
  for member in members { await member.link.stop() }
}

/// The macro cannot call what mutates.
func offer(
  _ frame: ByteBuffer, _ priority: LinkPriority, to queue: inout SendQueue, isTaken: Bool = true,
  at location: SourceLocation = #_sourceLocation
) {
  let taken: Bool = queue.append(frame, priority)
  #expect(taken == isTaken, sourceLocation: location)
}
