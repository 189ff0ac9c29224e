import Glibc
import Journal
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Primitives
import Synchronization
import TLS
import Testing

@testable import SiteLink
@testable import Store

/// Members that come and go while the cluster runs, over mutual TLS on loopback.
@Suite(.serialized) struct JoinTests {
  @Test func `a member is added by its address, joins, gets its vote, says its name, restarts, and is removed`() async throws {
    try await Town.with(3) { town in
      _ = try await town[0].put(Bytes("k"), Bytes("before"))
      // Without anybody who knows it, a member does not start.
      await #expect(throws: StoreError(.cannotJoin, "")) { try await town.join(3) }
      let added = try await town[1].addMember(NewMember(peerURLs: [town.members[3].peerURL]))
      #expect(added.role == .voter && !added.isStarted && town[1].records.count == 4)
      #expect(await code { _ = try await town[2].addMember(NewMember(peerURLs: [town.members[3].peerURL])) } == .peerURLExists)
      try await town.join(3)
      try await wait("the vote") { town[3].status.leader != nil && !town[3].status.isLearner }
      #expect(town[3].memberID == added.id)
      #expect(try await town[3].get(Bytes("k")).keyValues.first?.value.text == "before")
      try await wait("its name") { town[0].records.first { $0.id == added.id }?.name == "host-3" }
      #expect(town[0].records.first { $0.id == added.id }?.city == "there")
      _ = try await town[3].put(Bytes("k"), Bytes("after"))
      // It knows itself again, also when nobody tells it.
      await town.stop(3)
      try await town.join(3, seeds: [])
      #expect(try await town[3].get(Bytes("k")).keyValues.first?.value.text == "after")

      try await town[0].updateMember(added.id, peerURLs: [town.members[3].peerURL, "https://elsewhere:2380"])
      #expect(town[0].records.first { $0.id == added.id }?.peerURLs.count == 2)
      try await town[3].removeMember(added.id)
      try await wait("its end") { town[3].isRemoved }
      #expect(town[3].health()?.contains("removed from the cluster for good") ?? false)
      #expect(await code { try await town[3].removeMember(added.id) } == .unavailable)
      #expect(await code { try await town[0].removeMember(added.id) } == .memberNotFound)
      _ = try await town[0].put(Bytes("k"), Bytes("without it"))
      await town.stop(3)
      // Its own log says so, whether it had come into a snapshot or not.
      do {
        try await town.join(3, seeds: [])
        try await wait("its own word") { town[3].isRemoved }
      } catch { #expect(error as? StoreError == StoreError(.removed, "")) }
    }
  }

  @Test func `a learner reads, is promoted once it has caught up, and a member removed while away is told when it returns`() async throws {
    try await Town.with(3, snapshotEntries: 100) { town in
      for value in 0..<300 { _ = try await town[0].put(Bytes("k\(value % 50)"), Bytes("\(value)")) }
      let learner = try await town[0].addMember(NewMember(peerURLs: [town.members[3].peerURL], isLearner: true))
      #expect(await code { try await town[1].promoteMember(learner.id) } == .learnerNotReady)
      #expect(await code { _ = try await town[2].addMember(NewMember(peerURLs: ["https://x:1"], isLearner: true)) } == .tooManyLearners)
      #expect(await code { _ = try await town[2].addMember(NewMember(peerURLs: ["x:1"])) } == .memberBadURLs)
      try await town.join(3)
      try await wait("the snapshot") { town[3].revision >= 300 && town[3].status.snapshotIndex > 0 }
      #expect(town[3].status.isLearner)
      #expect(try await town[3].get(Bytes("k1")).keyValues.first?.value.text == "251")
      #expect(try await town[3].get(Bytes("k1"), serializable: true).keyValues.count == 1)
      #expect(try await town[3].put(Bytes("k1"), Bytes("by a learner")) > 300)
      try await wait("the promotion") { await code { try await town[1].promoteMember(learner.id) } == nil }
      try await wait("the vote") { !town[3].status.isLearner }
      #expect(await code { try await town[1].promoteMember(learner.id) } == .memberNotLearner)

      await town.stop(3)
      try await wait("the removal") { await code { try await town[1].removeMember(learner.id) } == nil }
      // Its own log does not say so.
      try await town.join(3, seeds: [])
      try await wait("the bad news") { town[3].isRemoved }
    }
  }

  @Test func `the leader itself is removed, a second member joins a single one, and the last may not go`() async throws {
    try await Town.with(1) { town in
      #expect(await code { try await town[0].removeMember(town[0].memberID) } == .notEnoughStarted)
      let second = try await town[0].addMember(NewMember(peerURLs: [town.members[3].peerURL]))
      // The cluster goes on although the second was never started.
      _ = try await town[0].put(Bytes("k"), Bytes("alone"))
      #expect(await code { try await town[0].removeMember(town[0].memberID) } == .notEnoughStarted)
      try await town.join(3)
      try await wait("two voters") { town[3].status.leader != nil && !town[3].status.isLearner && town[0].records.allSatisfy(\.isStarted) }
      #expect(town[0].leadership.isLocal)
      try await town[3].removeMember(town[0].memberID)
      try await wait("the end of the first") { town[0].isRemoved && town[3].leadership.isLocal }
      #expect(try await town[3].get(Bytes("k")).keyValues.first?.value.text == "alone")
      #expect(town[3].records.map(\.id) == [second.id])
    }
  }
}

/// Members on fixed ports of loopback; the fourth is a stranger until it is added.
private final class Town: Sendable {
  let members: [StoreMember]
  private let founders: Int
  private let root: String
  private let authority: CertificateAuthority
  private let snapshotEntries: UInt64
  private let stores: Mutex<[Int: Store]> = Mutex([:])
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private init(_ founders: Int, _ snapshotEntries: UInt64) throws {
    self.founders = founders
    self.snapshotEntries = snapshotEntries
    var template: [CChar] = Array("/tmp/tricenter-join-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    authority = try CertificateAuthority.create(commonName: "ca", lifetime: .seconds(86_400), now: SystemClock().wall())
    let ports: [Int] = Self.freePorts(4)
    members = (0..<4).map { number in
      StoreMember(
        id: StoreIdentity.memberID(federation: "bank", host: HostName("host-\(number)")), name: HostName("host-\(number)"),
        center: number < 2 ? "production" : "local-dr", city: number < 3 ? "here" : "there", peerPort: ports[number],
        clientURL: "https://127.0.0.1:\(number)")
    }
  }

  static func with(_ founders: Int, snapshotEntries: UInt64 = 10_000, _ body: (Town) async throws -> Void) async throws {
    let town = try Town(founders, snapshotEntries)
    do {
      for number in 0..<founders { try await town.found(number) }
      try await wait("a leader") { (0..<founders).allSatisfy { town[$0].leadership.leader != nil } }
      // Members are added only once all voters have answered.
      try await wait("everybody's answer") {
        (0..<founders).contains { town[$0].leadership.isLocal && town[$0].status.peers.allSatisfy { $0.match > 0 } }
      }
      try await body(town)
    } catch {
      await town.finish()
      throw error
    }
    await town.finish()
  }

  subscript(_ number: Int) -> Store {
    guard let store = stores.withLock({ $0[number] }) else { fatalError("member \(number) is not running") }
    return store
  }

  private func tls(_ number: Int) throws -> LinkTLS {
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

  private func found(_ number: Int) async throws {
    let configuration = StoreConfiguration(
      memberID: members[number].id, clusterID: 77, members: Array(members[..<founders]), directory: "\(root)/\(number)")
    try await start(number, configuration)
  }

  func join(_ number: Int, seeds: [Int] = [0, 1]) async throws {
    let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let configuration = try await StoreConfiguration.joining(
      members[number], seeds: seeds.map { ("127.0.0.1", members[$0].peerPort) }, tls: try tls(number), directory: "\(root)/\(number)",
      eventLoop: loop)
    try await start(number, configuration)
  }

  private func start(_ number: Int, _ configuration: StoreConfiguration) async throws {
    var configuration: StoreConfiguration = configuration
    configuration.tick = .milliseconds(10)
    configuration.snapshotEntries = snapshotEntries
    configuration.catchUpEntries = 20
    configuration.journalSegmentBytes = 2 << 20
    let store = try Store(
      configuration: configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), tls: try tls(number),
      bind: ("127.0.0.1", members[number].peerPort), logger: Self.quiet)
    try await store.start()
    stores.withLock { $0[number] = store }
  }

  func stop(_ number: Int) async { await stores.withLock { $0.removeValue(forKey: number) }?.stop() }

  private func finish() async {
    for number in 0..<4 { await stop(number) }
    for number in 0..<4 {
      let disk = PosixDisk("\(root)/\(number)")
      for name in (try? disk.list()) ?? [] { try? disk.remove(name) }
      rmdir("\(root)/\(number)")
    }
    rmdir(root)
  }

  /// Below the ports that the system gives to connections, and free when asked for.
  private static func freePorts(_ count: Int) -> [Int] {
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
