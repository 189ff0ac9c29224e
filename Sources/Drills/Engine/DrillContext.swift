import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import Logging
import NIOCore
import Primitives
import Site
import Synchronization
import TLS

/// What the steps of one drill share: ways to the cluster, the probes, what was noted, and the timeline.
public final class DrillContext: Sendable {
  public struct TimelineEntry: Sendable {
    public var at: MonotonicTime
    public var name: String
    public var center: String
    public var detail: String
  }
  struct Identity: Sendable {
    var namespace: String
    var deployment: String
    var service: String
    var deploymentUID: String
    var serviceUID: String
    var clusterIP: String
  }
  struct State: Sendable {
    var timeline: [TimelineEntry] = []
    var requests: RequestProbe?
    var companions: [Companion] = []
    var writes: WriteProbe?
    var identity: Identity?
    var lostCenter: CenterName?
    /// The step whose fault took it; nil: `fault.centerLoss`.
    var lostStep: String?
    var faultBegan: MonotonicTime?
    var faultEnded: MonotonicTime?
    /// When the newest fault was there.
    var lastFault: MonotonicTime?
    var milestones: [String: MonotonicTime] = [:]
    var facts: [String: JSONValue] = [:]
    var lostWrites: Int?
    /// The time whose acknowledged writes are lost.
    var rpo: Duration?
    var samples: [ClusterSample] = []
    /// What runners before this one had measured, as far as the run keeps it.
    var earlier: [MeasuredPart] = []
    /// Objects of theirs that were there when this one began to write: acknowledged or not, they must stay.
    var adopted: [String: String] = [:]
    /// Milestones whose runner began to look after the event: they came then at the latest.
    var bounds: Set<String> = []
    /// Which runner this is.
    var epoch: Int64 = 1
    var holder: String = ""
  }

  public let site: Site
  public let plan: RunPlan
  public let faults: any FaultInjector
  /// Runs programs on hosts, where something says how.
  public let executor: (any HostExecutor)?
  let clock: any TimeSource
  let clientTLS: TLSContext?
  let group: any EventLoopGroup
  let state: Mutex<State> = Mutex(State())
  let tell: @Sendable (String) -> Void
  /// Asks whichever center answers.
  let client: KubeClient
  /// Stands for every center's client where there is only one API.
  let fixedClient: KubeClient?
  /// In mode `isolated`: the copy that steps act in. Nil where nothing makes one.
  let copy: CopySession?
  /// A thread that name servers are asked from; nil: any.
  let nameLoop: (any EventLoop)?
  /// Of a copy; nil: all of the site may have it.
  let hostsWithPower: [Host]?

  var runbook: Runbook { plan.runbook }
  var commands: [String: Runbook.HostCommand] { plan.commands }

  /// `tell`: a line of progress for people. `clientTLS`: a client identity of the federation that may administer the cluster. `client`: the
  /// one API to ask, whatever the site file says of apiservers. `server`: one to ask before those.
  public init(
    site: Site, plan: RunPlan, faults: any FaultInjector, executor: (any HostExecutor)? = nil, clientTLS: TLSContext?,
    group: any EventLoopGroup, clock: any TimeSource = SystemClock(), client: KubeClient? = nil,
    server: HTTPClientConfiguration.Target? = nil, copier: (any ClusterCopier)? = nil, nameLoop: (any EventLoop)? = nil,
    hostsWithPower: [Host]? = nil, tell: @escaping @Sendable (String) -> Void
  ) {
    self.site = site
    self.plan = plan
    self.faults = faults
    self.executor = executor
    self.clientTLS = clientTLS
    self.group = group
    self.clock = clock
    self.tell = tell
    copy = copier.map { CopySession($0) }
    self.nameLoop = nameLoop
    self.hostsWithPower = hostsWithPower
    fixedClient = client
    self.client = client ?? Self.client(site.hosts, site: site, tls: clientTLS, group: group, more: server)
  }

  /// A client of the apiservers of these hosts, the first that answers.
  public static func client(
    _ hosts: [Host], site: Site, tls: TLSContext?, group: any EventLoopGroup, more: HTTPClientConfiguration.Target? = nil
  ) -> KubeClient {
    var configuration = HTTPClientConfiguration(
      targets: (more.map { [$0] } ?? []) + hosts.map { .host($0.address.description, port: site.ports.apiserver) }, tls: tls, group: group)
    configuration.connectTimeout = .milliseconds(500)
    configuration.keepAliveInterval = .milliseconds(250)
    configuration.keepAliveTimeout = .milliseconds(500)
    var client = KubeClient(transport: HTTPClient(configuration), fieldManager: "tricenter-drill")
    client.requestTimeout = .seconds(5)
    client.followsRetryAfter = false
    return client
  }

  func client(of center: CenterName) -> KubeClient {
    fixedClient ?? Self.client(site.center(center)?.hosts ?? [], site: site, tls: clientTLS, group: group)
  }

  func note(_ name: String, center: String = "", _ detail: String = "", at time: MonotonicTime? = nil) {
    let entry = TimelineEntry(at: time ?? clock.now(), name: name, center: center, detail: detail)
    state.withLock { state in
      guard state.timeline.count < DrillLimits.timelineEntries else { return }
      state.timeline.append(entry)
    }
  }

  func hasNoted(_ name: String, _ detail: String, at time: MonotonicTime) -> Bool {
    state.withLock { $0.timeline.contains { $0.at == time && $0.name == name && $0.detail == detail } }
  }

  /// `watchedFrom`: when whoever saw it began to look. If that was after the event, it may have come before it was seen.
  func noteMilestone(_ name: String, _ at: MonotonicTime, watchedFrom: MonotonicTime) {
    state.withLock { state in
      state.milestones[name] = at
      if let began: MonotonicTime = state.faultBegan, watchedFrom > began { state.bounds.insert(name) } else { state.bounds.remove(name) }
    }
  }

  /// From the oldest lost write's acknowledgement to the loss.
  func noteLost(_ writes: [WriteProbe.Acknowledged], count: Int) {
    state.withLock { state in
      state.lostWrites = max(state.lostWrites ?? 0, count)
      guard let oldest: MonotonicTime = writes.map(\.ended).min(), let began: MonotonicTime = state.faultBegan else {
        state.rpo = max(state.rpo ?? .zero, .zero)
        return
      }
      state.rpo = max(state.rpo ?? .zero, max(.zero, began - oldest))
    }
  }

  /// Runs `check` until it returns a value; its last objection is the error when the step's time is over.
  func until<Value: Sendable>(_ deadline: MonotonicTime, every: Duration = .milliseconds(100), _ check: () async throws -> Value?)
    async throws -> Value
  {
    var objection: (any Error)?
    while true {
      do {
        if let value: Value = try await check() { return value }
        objection = nil
      } catch let error as CancellationError {
        throw error
      } catch let error as DrillError where error.code == .refused || error.code == .badRunbook {
        // It will not come true by waiting.
        throw error
      } catch {
        objection = error
      }
      guard clock.now() < deadline else {
        throw DrillError(.timeout, "It did not come true in time.", cause: objection)
      }
      try await Task.sleep(for: every)
    }
  }

  /// What a host's daemons tell of themselves (`/tricenter/status` of the admin port).
  func hostStatus(_ host: Host, timeout: Duration = .milliseconds(800)) async throws -> JSONValue {
    var configuration = HTTPClientConfiguration(
      targets: [.host(host.address.description, port: site.ports.admin)], tls: clientTLS, group: group)
    configuration.connectTimeout = timeout
    configuration.responseTimeout = timeout
    let client = HTTPClient(configuration)
    defer { client.close() }
    let request = HTTPRequest(method: .get, scheme: "https", authority: host.name.value, path: "/tricenter/status")
    let response: ClientResponse = try await client.execute(request, body: nil)
    let body: ByteBuffer = try await response.body.collect(upTo: 4 << 20)
    guard response.head.status == .ok else { throw DrillError(.failed, "\(host.name) answers \(response.head.status.code).") }
    return try JSONValue.parse(Bytes(body.readableBytesView))
  }
}
