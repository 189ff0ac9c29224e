import Logging
import NIOCore
import Primitives
import Synchronization
import TLS

@testable import SiteLink
@testable import Store

/// Real links on loopback: each member listens on a port that the system chose, so the members are introduced once they listen.
final class Wires: Sendable {
  private let authority: CertificateAuthority
  private let links: Mutex<[MemberID: (peer: LinkPeer, link: SiteLink)]> = Mutex([:])
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init() throws { authority = try CertificateAuthority.create(commonName: "ca", lifetime: .seconds(86_400), now: SystemClock().wall()) }

  func link(_ member: StoreMember, _ cluster: UInt64, _ loop: any EventLoop, _ events: LinkEvents) throws -> SiteLink {
    var leaf = LeafDescription(commonName: "tricenter:store:\(member.name)")
    leaf.uris = [IdentityURI(federation: "bank", center: member.center.value, host: member.name.value, daemon: "store").description]
    let identity: TLSIdentity = try authority.issue(leaf, now: SystemClock().wall())
    let tls = LinkTLS(
      server: try .server(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: Self.quiet),
      client: try .client(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: Self.quiet))
    var limits = LinkLimits()
    limits.firstRetry = .milliseconds(10)
    limits.lastRetry = .milliseconds(100)
    let link = SiteLink(
      local: member.linkPeer, clusterID: cluster, peers: [], tls: tls, eventLoop: loop, bind: ("127.0.0.1", 0), logger: Self.quiet,
      limits: limits, receive: events.receive, linkChanged: events.linkChanged, removed: events.removed,
      introduction: events.introduction)
    links.withLock { $0[member.id] = (member.linkPeer, link) }
    return link
  }

  /// Tells everybody where everybody listens.
  func introduce() {
    let all: [(peer: LinkPeer, link: SiteLink)] = links.withLock { Array($0.values) }
    let peers: [LinkPeer] = all.compactMap { peer, link in
      var peer: LinkPeer = peer
      guard let port: Int = link.port else { return nil }
      peer.port = port
      return peer
    }
    for (_, link) in all where link.port != nil { link.updatePeers(peers) }
  }

  /// Bytes of frames from one member to another, before compression; as old as the last ping.
  func sent(_ from: MemberID, _ to: MemberID) -> Int64 {
    let link: SiteLink? = links.withLock { $0[from]?.link }
    return link?.status().first { $0.peer.member == to }?.sentUncompressed ?? 0
  }

  func cut(_ member: MemberID) async {
    let link: SiteLink? = links.withLock { $0.removeValue(forKey: member)?.link }
    await link?.stop()
  }
}
