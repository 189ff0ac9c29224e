import Consensus
import Glibc
import Journal
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Primitives
import SiteLink
import Synchronization

@testable import Store

/// Carries frames between members of this process, each on its own loop, and loses them where links are cut.
final class MemoryNetwork: Sendable {
  struct Endpoint: Sendable {
    var loop: any EventLoop
    var events: LinkEvents
  }
  private struct State: Sendable {
    var endpoints: [MemberID: Endpoint] = [:]
    var isolated: Set<MemberID> = []
    var frames: Int = 0
    var bytes: [Route: Int] = [:]
    var cut: Set<Route> = []
    var swallow: Set<MemberID> = []
  }
  struct Route: Hashable, Sendable {
    var from: MemberID
    var to: MemberID
  }
  private let state: Mutex<State> = Mutex(State())

  var frameCount: Int { state.withLock { $0.frames } }
  /// Bytes of frames that went from one member to another so far.
  func bytes(_ from: MemberID, _ to: MemberID) -> Int { state.withLock { $0.bytes[Route(from: from, to: to)] ?? 0 } }
  /// Both ways; both are told.
  func cut(_ one: MemberID, _ two: MemberID) { change(one, two, up: false) }
  func mend(_ one: MemberID, _ two: MemberID) { change(one, two, up: true) }
  /// Takes frames from this member and to it and delivers none, without a word: a host that hangs.
  func hang(_ member: MemberID) { state.withLock { _ = $0.swallow.insert(member) } }
  func unhang(_ member: MemberID) { state.withLock { _ = $0.swallow.remove(member) } }

  private func change(_ one: MemberID, _ two: MemberID, up: Bool) {
    let ends: [(Endpoint?, MemberID)] = state.withLock { state in
      for route in [Route(from: one, to: two), Route(from: two, to: one)] {
        if up { state.cut.remove(route) } else { state.cut.insert(route) }
      }
      return [(state.endpoints[one], two), (state.endpoints[two], one)]
    }
    for (end, other) in ends { end?.loop.execute { end?.events.linkChanged(other, up) } }
  }

  func join(_ member: MemberID, _ endpoint: Endpoint) {
    let others: [(MemberID, Endpoint)] = state.withLock { state in
      state.endpoints[member] = endpoint
      state.isolated.remove(member)
      return state.endpoints.filter { $0.key != member && !state.isolated.contains($0.key) }.map { ($0.key, $0.value) }
    }
    for (id, other) in others {
      other.loop.execute { other.events.linkChanged(member, true) }
      endpoint.loop.execute { endpoint.events.linkChanged(id, true) }
    }
  }
  func leave(_ member: MemberID) {
    isolate(member)
    state.withLock { $0.endpoints[member] = nil }
  }
  func isolate(_ member: MemberID) {
    let others: [(MemberID, Endpoint)] = state.withLock { state in
      guard state.isolated.insert(member).inserted else { return [] }
      return state.endpoints.map { ($0.key, $0.value) }
    }
    for (id, other) in others where id != member { other.loop.execute { other.events.linkChanged(member, false) } }
  }
  func send(_ frame: ByteBuffer, from: MemberID, to: MemberID) -> Bool {
    let (endpoint, isSwallowed): (Endpoint?, Bool) = state.withLock { state in
      state.frames += 1
      let route = Route(from: from, to: to)
      guard !state.isolated.contains(from), !state.isolated.contains(to), !state.cut.contains(route) else { return (nil, false) }
      state.bytes[route, default: 0] += frame.readableBytes
      return (state.endpoints[to], state.swallow.contains(from) || state.swallow.contains(to))
    }
    guard let endpoint else { return false }
    if isSwallowed { return true }
    endpoint.loop.execute { endpoint.events.receive(from, frame) }
    return true
  }
}

struct MemoryLink: PeerLink {
  let network: MemoryNetwork
  let own: MemberID
  let endpoint: MemoryNetwork.Endpoint
  func start() async throws { network.join(own, endpoint) }
  func stop() async { network.leave(own) }
  func send(_ frame: ByteBuffer, to member: MemberID, priority: LinkPriority) -> Bool { network.send(frame, from: own, to: member) }
  func roundTrips() -> [MemberID: Int64] { [:] }
}

/// Members in one process, a loop each, their folders below one temporary folder that goes with the cluster.
final class TestCluster: Sendable {
  let network = MemoryNetwork()
  let members: [StoreMember]
  private let root: String
  private let stores: Mutex<[MemberID: Store]> = Mutex([:])
  private let change: @Sendable (inout StoreConfiguration) -> Void
  private let wires: Wires?
  private let disk: @Sendable (Int, String) -> any Disk

  /// With `wires`, members reach each other over mutual TLS on loopback instead of in memory.
  init(
    _ count: Int, wires: Wires? = nil, disk: @escaping @Sendable (Int, String) -> any Disk = { PosixDisk($1) },
    _ change: @escaping @Sendable (inout StoreConfiguration) -> Void = { _ in }
  ) {
    self.wires = wires
    self.disk = disk
    var template: [CChar] = Array("/tmp/tricenter-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("no temporary folder") }
    root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let centers: [CenterName] = ["production", "production", "local-dr", "local-dr", "remote-dr"]
    members = (0..<count).map { number in
      StoreMember(
        id: StoreIdentity.memberID(federation: "test", host: HostName("host-\(number)")), name: HostName("host-\(number)"),
        center: centers[number % 5], priority: number < 2 ? 3 : number < 4 ? 2 : 1, clientURL: "https://127.0.0.1:\(2379 + number)")
    }
    self.change = change
  }

  func directory(_ number: Int) -> String { "\(root)/\(number)" }

  func configuration(_ number: Int) -> StoreConfiguration {
    var configuration = StoreConfiguration(
      memberID: members[number].id, clusterID: StoreIdentity.clusterID(federation: "test"), members: members, directory: directory(number))
    configuration.tick = .milliseconds(10)
    configuration.journalSegmentBytes = 2 << 20
    change(&configuration)
    return configuration
  }

  func start(_ number: Int) async throws {
    let (network, own, wires, member, cluster) = (
      network, members[number].id, wires, members[number], configuration(number).clusterID
    )
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let store = try Store(
      configuration: configuration(number), eventLoop: MultiThreadedEventLoopGroup.singleton.next(), disk: disk(number, directory(number)),
      logger: logger
    ) { loop, events in
      if let wires { return try wires.link(member, cluster, loop, events) }
      return MemoryLink(network: network, own: own, endpoint: MemoryNetwork.Endpoint(loop: loop, events: events))
    }
    try await store.start()
    wires?.introduce()
    stores.withLock { $0[own] = store }
  }
  func startAll() async throws { for number in members.indices { try await start(number) } }

  subscript(_ number: Int) -> Store {
    guard let store = stores.withLock({ $0[members[number].id] }) else { fatalError("member \(number) is not running") }
    return store
  }
  var running: [Store] { members.compactMap { member in stores.withLock { $0[member.id] } } }

  /// Cut off first, so that it cannot say good-bye.
  func kill(_ number: Int) async {
    network.isolate(members[number].id)
    await wires?.cut(members[number].id)
    await stop(number)
  }
  func stop(_ number: Int) async {
    let store: Store? = stores.withLock { $0.removeValue(forKey: members[number].id) }
    await store?.stop()
  }

  func waitForLeader() async throws -> Int {
    try await wait("a leader") {
      let leaders = self.running.filter { $0.leadership.isLocal }
      return leaders.count == 1 && self.running.allSatisfy { $0.leadership.leader == leaders[0].configuration.memberID }
    }
    return members.firstIndex { self.running[0].leadership.leader == $0.id } ?? 0
  }

  /// A leader in production: where it belongs, but the first to stand up may be another.
  func waitForLeaderInProduction() async throws -> Int {
    let first: Int = try await waitForLeader()
    guard first > 1 else { return first }
    try await self[first].moveLeader(to: members[0].id)
    return try await waitForLeader()
  }

  func finish() async {
    for number in members.indices { await stop(number) }
    for number in members.indices {
      let disk = PosixDisk(directory(number))
      for name in (try? disk.list()) ?? [] { try? disk.remove(name) }
      rmdir(directory(number))
    }
    rmdir(root)
  }

  /// Runs `body` on a running cluster and cleans up whatever happens.
  static func with(
    _ count: Int, wires: Wires? = nil, disk: @escaping @Sendable (Int, String) -> any Disk = { PosixDisk($1) },
    _ change: @escaping @Sendable (inout StoreConfiguration) -> Void = { _ in }, _ body: (TestCluster) async throws -> Void
  ) async throws {
    let cluster = TestCluster(count, wires: wires, disk: disk, change)
    do {
      try await cluster.startAll()
      _ = try await cluster.waitForLeader()
      try await body(cluster)
    } catch {
      await cluster.finish()
      throw error
    }
    await cluster.finish()
  }
}

struct NotInTime: Error, CustomStringConvertible {
  var description: String
}

/// Asks again and again until `condition` holds; ten seconds at most.
func wait(_ what: String, _ condition: () async throws -> Bool) async throws {
  let start = SystemClock().now()
  while try await !condition() {
    guard SystemClock().now() - start < .seconds(10) else { throw NotInTime(description: "\(what) did not come within 10 s") }
    try await Task.sleep(for: .milliseconds(2))
  }
}

func code(_ body: () async throws -> Void) async -> KeyspaceError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? KeyspaceError)?.code
  }
}
let everything = KeyRange(key: [0], end: [0])
