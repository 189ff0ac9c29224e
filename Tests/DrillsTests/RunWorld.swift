import APIServer
import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Primitives
import Site
import Synchronization
import TLS
import Testing

@testable import Drills

/// Where runs have their effects: counts what happened under which key, so that nothing may happen twice or be left over.
final class RunWorld: Sendable {
  private struct State {
    var standing: Set<String> = []
    var times: [String: Int] = [:]
    var doubles: [String] = []
  }
  private let state: Mutex<State> = Mutex(State())

  func stands(_ key: String) -> Bool { state.withLock { $0.standing.contains(key) } }
  func put(_ key: String) {
    state.withLock { state in
      if !state.standing.insert(key).inserted { state.doubles.append(key) }
      state.times[key, default: 0] += 1
    }
  }
  func take(_ key: String) { state.withLock { _ = $0.standing.remove(key) } }
  var standing: Set<String> { state.withLock { $0.standing } }
  var doubles: [String] { state.withLock { $0.doubles } }
  func times(_ key: String) -> Int { state.withLock { $0.times[key] ?? 0 } }
}

/// A process that ends at the n-th of the points that it passes; nothing of it happens after that.
final class KillSwitch: Sendable {
  struct Dead: Error {}
  private let left: Mutex<Int>
  private let ended: AsyncStream<Void>
  private let end: AsyncStream<Void>.Continuation
  init(after points: Int) {
    left = Mutex(points)
    (ended, end) = AsyncStream.makeStream()
  }
  var isDead: Bool { left.withLock { $0 <= 0 } }
  func pass() throws {
    let isDead: Bool = left.withLock { left in
      left -= 1
      return left <= 0
    }
    guard isDead else { return }
    end.finish()
    throw Dead()
  }
  /// Returns when it died.
  func wait() async { for await _ in ended {} }
  func finish() { end.finish() }
}

/// The way of one runner to the API: it may die before a request was carried out, or before its answer came; it may stand still.
final class MortalTransport: HTTPTransport {
  let inner: any HTTPTransport
  let life: KillSwitch
  private let isFrozen: Atomic<Bool> = Atomic(false)
  private let underWay: Atomic<Int> = Atomic(0)
  /// Requests until it stands still by itself: in the middle of a run, however fast that is.
  private let left: Atomic<Int>
  init(_ inner: any HTTPTransport, _ life: KillSwitch, freezesAfter requests: Int = .max) {
    self.inner = inner
    self.life = life
    left = Atomic(requests)
  }

  /// Returns once it stands still. From then on nothing of this runner changes anything: what was at the API has been carried out.
  func whenFrozen() async throws {
    while !isFrozen.load(ordering: .sequentiallyConsistent) || underWay.load(ordering: .sequentiallyConsistent) > 0 {
      try await Task.sleep(for: .milliseconds(1))
    }
  }
  func freeze() async throws {
    isFrozen.store(true, ordering: .sequentiallyConsistent)
    try await whenFrozen()
  }
  func thaw() { isFrozen.store(false, ordering: .sequentiallyConsistent) }

  func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    underWay.add(1, ordering: .sequentiallyConsistent)
    if left.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { isFrozen.store(true, ordering: .sequentiallyConsistent) }
    while isFrozen.load(ordering: .sequentiallyConsistent) {
      underWay.subtract(1, ordering: .sequentiallyConsistent)
      try await Task.sleep(for: .milliseconds(2))
      underWay.add(1, ordering: .sequentiallyConsistent)
    }
    defer { underWay.subtract(1, ordering: .sequentiallyConsistent) }
    do { try life.pass() } catch { throw HTTPError(.connectionLost, "this runner is dead") }
    let response: ClientResponse = try await inner.execute(request, body: body)
    do { try life.pass() } catch { throw HTTPError(.connectionLost, "this runner is dead") }
    return response
  }
}

/// Faults that nobody can do here.
struct NoFaults: FaultInjector {
  func lose(_ center: CenterName) async throws -> String { throw DrillError(.refused, "no faults here") }
  func giveBack(_ center: CenterName) async throws -> String { throw DrillError(.refused, "no faults here") }
  func state(of center: CenterName) async throws -> CenterPower { .whole }
  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle { throw DrillError(.refused, "no faults here") }
  func renew(_ handle: FaultHandle) async throws -> FaultHandle { throw DrillError(.refused, "no faults here") }
  func undo(_ handle: FaultHandle) async throws -> String { throw DrillError(.refused, "no faults here") }
  func faults() async throws -> [FaultHandle] { [] }
  func residentBytes(_ host: HostName) -> Int? { nil }
  var simulated: [String] { [] }
}

/// An apiserver in memory, and runners of one runbook that come and go.
struct RunStage: Sendable {
  let api: APIServer
  let inner: InProcessTransport
  let site: Site
  let world = RunWorld()

  static func with(_ body: (RunStage) async throws -> Void) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let api = APIServer(
      configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1, logger: logger), store: LocalKeyspace())
    try await api.start()
    let stage = RunStage(api: api, inner: transport(api, "admin", ["system:masters"]), site: try RunbookTests.site())
    do {
      try await body(stage)
    } catch {
      Issue.record(error)
    }
    api.stop()
  }

  static func transport(_ api: APIServer, _ user: String, _ groups: [String]) -> InProcessTransport {
    InProcessTransport(responder: api, peer: PeerIdentity(commonName: user, organizations: groups))
  }

  func client(_ user: String, _ groups: [String]) -> KubeClient {
    KubeClient(transport: Self.transport(api, user, groups), fieldManager: user)
  }
  var client: KubeClient { KubeClient(transport: inner, fieldManager: "test") }

  /// The actions as one runner has them: they die with it. `fails`: steps whose effect fails, without having happened.
  func actions(_ life: KillSwitch, fails: Set<String> = []) -> ActionCatalog {
    let world: RunWorld = world
    return ActionCatalog([
      "put": .init(
        effect: .changes,
        probe: { _, call in
          try life.pass()
          return world.stands(call.key) ? .happened("it stands") : .notHappened
        },
        run: { _, call in
          try life.pass()
          if fails.contains(call.step) { throw DrillError(.failed, "it will not go") }
          world.put(call.key)
          try life.pass()
          return "put"
        }),
      "take": .init(effect: .changes) { _, call in
        try life.pass()
        world.take(call.key.replacing("/undo", with: ""))
        try life.pass()
        return "taken"
      },
      "look": .init { _, _ in
        try life.pass()
        return "looked"
      },
    ])
  }

  /// A runner of a run, and what became of it.
  func runner(
    _ name: String, _ number: Int, life: KillSwitch, transport: MortalTransport? = nil, fails: Set<String> = [],
    lease: Duration = .seconds(5)
  ) async throws -> RunShell.Outcome {
    let own: MortalTransport = transport ?? MortalTransport(inner, life)
    let client = KubeClient(transport: own, fieldManager: "runner-\(number)")
    let actions: ActionCatalog = actions(life, fails: fails)
    let object: KubeObject = try await RunStore(client: self.client).get(name)
    let plan: RunPlan = try RunStore.plan(object, site: site, actions: actions)
    let context = DrillContext(
      site: site, plan: plan, faults: NoFaults(), clientTLS: nil, group: MultiThreadedEventLoopGroup.singleton, client: client,
      tell: { _ in })
    var configuration = RunShell.Configuration(holder: "runner-\(number)")
    configuration.lease = lease
    configuration.look = .milliseconds(15)
    configuration.patience = .milliseconds(500)
    let shell = RunShell(plan: plan, object: object, context: context, actions: actions, configuration: configuration)
    let running = Task { await shell.run() }
    let dying = Task {
      await life.wait()
      running.cancel()
    }
    let outcome: RunShell.Outcome = await running.value
    life.finish()
    await dying.value
    return outcome
  }

  func begin(_ text: String, name: String) async throws {
    let actions: ActionCatalog = actions(KillSwitch(after: .max))
    let runbook: Runbook = try RunbookReader.parse(text, file: "test.yaml", files: .carried([:]), site: site, actions: actions)
    let plan = try RunPlan(runbook, run: name, site: site, actions: actions)
    _ = try await RunStore(client: client).create(plan, siteHash: "")
  }

  func record(_ name: String) async throws -> RunRecord {
    let object: KubeObject = try await RunStore(client: client).get(name)
    return RunRecord(try RunStore.plan(object, site: site, actions: actions(KillSwitch(after: .max))), status: object.status)
  }
}
