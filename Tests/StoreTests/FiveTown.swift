import Glibc
import Journal
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Primitives
import Synchronization
import TLS

@testable import SiteLink
@testable import Store

/// Two members in production, two in local-dr, one in remote-dr, on fixed ports of loopback over mutual TLS, each with a folder. What
/// carries entries to the far city can be held back while heartbeats still come through: a line that is too narrow.
final class FiveTown: Sendable {
  let members: [StoreMember]
  let narrow = Atomic<Bool>(false)
  private let root: String
  private let authority: CertificateAuthority
  private let stores: Mutex<[Int: Store]> = Mutex([:])
  private let links: Mutex<[Int: SiteLink]> = Mutex([:])
  private let tick: Duration
  /// Where members listen; the far one may be reached through something in between.
  let ports: [Int]
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// - Parameter farPort: where the others reach the far member, instead of where it listens.
  init(tick: Duration = .milliseconds(10), ports: [Int] = FiveTown.freePorts(5), farPort: Int? = nil) throws {
    self.tick = tick
    self.ports = ports
    var template: [CChar] = Array("/tmp/tricenter-five-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    authority = try CertificateAuthority.create(commonName: "ca", lifetime: .seconds(86_400), now: SystemClock().wall())
    let centers: [CenterName] = ["production", "production", "local-dr", "local-dr", "remote-dr"]
    members = (0..<5).map { number in
      StoreMember(
        id: StoreIdentity.memberID(federation: "bank", host: HostName("host-\(number)")), name: HostName("host-\(number)"),
        center: centers[number], city: number < 4 ? "near" : "far", priority: number < 2 ? 3 : number < 4 ? 2 : 1,
        peerPort: number == 4 ? farPort ?? ports[4] : ports[number], clientURL: "https://127.0.0.1:\(number)")
    }
  }

  func directory(_ number: Int) -> String { "\(root)/\(number)" }

  subscript(_ number: Int) -> Store {
    guard let store = stores.withLock({ $0[number] }) else { fatalError("member \(number) is not running") }
    return store
  }

  func tls(_ number: Int) throws -> LinkTLS {
    let member: StoreMember = members[number]
    var leaf = LeafDescription(commonName: "tricenter:store:\(member.name)")
    leaf.uris = [IdentityURI(federation: "bank", center: member.center.value, host: member.name.value, daemon: "store").description]
    let identity: TLSIdentity = try authority.issue(leaf, now: SystemClock().wall())
    return LinkTLS(
      server: try .server(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: Self.quiet),
      client: try .client(
        identity: .fixed(identity), trust: .fixed(authority.trust), applicationProtocols: [Hello.alpn], logger: Self.quiet))
  }

  func start(_ number: Int) async throws {
    var configuration = StoreConfiguration(memberID: members[number].id, clusterID: 77, members: members, directory: directory(number))
    configuration.tick = tick
    configuration.snapshotEntries = 60
    configuration.catchUpEntries = 20
    configuration.journalSegmentBytes = 2 << 20
    let (town, tls, member, all, port): (FiveTown, LinkTLS, StoreMember, [StoreMember], Int) = (
      self, try tls(number), members[number], members, ports[number]
    )
    let store = try Store(configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: Self.quiet) {
      loop, events in
      let link = SiteLink(
        local: member.linkPeer, clusterID: 77, peers: all.map(\.linkPeer), tls: tls, eventLoop: loop, bind: ("127.0.0.1", port),
        logger: Self.quiet, receive: events.receive, linkChanged: events.linkChanged, removed: events.removed,
        introduction: events.introduction, proof: events.proof, superseded: events.superseded, command: events.command)
      town.links.withLock { $0[number] = link }
      return NarrowLink(link: link, town: town, far: all[4].id)
    }
    try await store.start()
    stores.withLock { $0[number] = store }
  }

  /// Why this member's links are not up.
  func linkErrors(_ number: Int) -> [String] { links.withLock { $0[number] }?.status().compactMap(\.lastError) ?? [] }

  func stop(_ number: Int) async { await stores.withLock { $0.removeValue(forKey: number) }?.stop() }

  /// From a host of this member's center.
  func tool(at number: Int) throws -> RecoveryTool {
    RecoveryTool(
      targets: members.map { .init(name: $0.name, host: "127.0.0.1", port: $0.peerPort) }, tls: try tls(number),
      eventLoop: MultiThreadedEventLoopGroup.singleton.next())
  }

  static func with(_ town: FiveTown? = nil, _ body: (FiveTown) async throws -> Void) async throws {
    let town: FiveTown = try town ?? FiveTown()
    do {
      for number in 0..<5 { try await town.start(number) }
      try await wait("a leader in production") { town[0].leadership.isLocal || town[1].leadership.isLocal }
      try await body(town)
    } catch {
      await town.finish()
      throw error
    }
    await town.finish()
  }

  private func finish() async {
    for number in 0..<5 { await stop(number) }
    for number in 0..<5 {
      let disk = PosixDisk(directory(number))
      for name in (try? disk.list()) ?? [] { try? disk.remove(name) }
      rmdir(directory(number))
    }
    rmdir(root)
  }

  /// Below the ports that the system gives to connections, and free when asked for.
  static func freePorts(_ count: Int) -> [Int] {
    var ports: [Int] = []
    while ports.count < count {
      let port = Int.random(in: 15_000..<32_000)
      let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      address.sin_port = UInt16(port).bigEndian
      let length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound: Bool = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
      }
      if isBound, !ports.contains(port) { ports.append(port) }
    }
    return ports
  }
}
