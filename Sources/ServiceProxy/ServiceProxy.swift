import KubeClient
import KubeModel
import Logging
import Metrics
import Observability
import Primitives
import Synchronization

/// Keeps this host's nftables table in step with Services and EndpointSlices, and its fence in step with the activation lease.
public final class ServiceProxy: Sendable {
  public struct Configuration: Sendable {
    public var node: String
    public var podCIDR: String
    /// The host's center, as endpoints name it.
    public var zone: String?
    /// False: this host's pods are never fenced.
    public var isFenced: Bool = true
    public init(node: String, podCIDR: String, zone: String? = nil) {
      self.node = node
      self.zone = zone
      self.podCIDR = podCIDR
    }
  }
  /// What the activation allows (`NodeAgent.Permission` in other words).
  public enum Permission: Hashable, Sendable {
    case allowed(until: MonotonicTime)
    case denied
  }

  private let configuration: Configuration
  private let services: Informer
  private let slices: Informer
  private let pods: Informer
  private let permissions: AsyncStream<Permission>
  private let departures: AsyncStream<Departure?>
  private let namespaces: AsyncStream<[String: Permission]>
  /// Namespaces that are placed apart from the rest of the cluster, and what is allowed to their pods here.
  private let apart: Mutex<[String: Permission]> = Mutex([:])
  private let left: Mutex<Departure?> = Mutex(nil)
  private let clock: any TimeSource
  private let logger = Logger(label: "proxy")
  private let table: ProxyTable
  private let syncs = Counter(label: "kubeproxy_sync_proxy_rules_total")
  private let syncTime = Timer(label: "kubeproxy_sync_proxy_rules_duration_seconds")

  /// `informers` must be run by the caller. `permissions`: told whenever the activation was read. `departures`: the center that the
  /// activation has just left, nil once the slices must have followed. `namespaces`: all that are placed apart from the rest, told with
  /// every reading.
  public init(
    informers: SharedInformers, configuration: Configuration, permissions: AsyncStream<Permission>,
    departures: AsyncStream<Departure?>? = nil, namespaces: AsyncStream<[String: Permission]>? = nil,
    clock: any TimeSource = SystemClock()
  ) {
    self.configuration = configuration
    services = informers.informer(.services)
    slices = informers.informer(.endpointSlices)
    pods = informers.informer(.pods, fieldSelector: "spec.nodeName=\(configuration.node)")
    self.permissions = permissions
    self.departures = departures ?? AsyncStream { $0.finish() }
    self.namespaces = namespaces ?? AsyncStream { $0.finish() }
    self.clock = clock
    table = ProxyTable(clock: clock)
  }

  /// Runs until its task is cancelled. The rules stay then: a proxy that restarts must not be an outage.
  public func run() async throws {
    let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    for informer in [services, slices, pods] { informer.onChange { _ in continuation.yield() } }
    let (permissions, departures, namespaces) = (permissions, departures, namespaces)
    try await services.waitUntilSynced()
    try await slices.waitUntilSynced()
    try await pods.waitUntilSynced()
    continuation.yield()
    let fencesBridge: Bool = await configuration.isFenced ? table.filtersBridges() : false
    await withDiscardingTaskGroup { group in
      group.addTask {
        for await _ in changes {
          await self.sync(fencesBridge)
          await self.followApart()
          try? await Task.sleep(for: ProxyLimits.settle)
        }
      }
      group.addTask { for await permission in permissions { await self.table.follow(permission) } }
      group.addTask {
        for await namespaces in namespaces {
          let before: [String: Permission] = self.apart.withLock { apart in
            defer { apart = namespaces }
            return apart
          }
          // Which pods have a fence of their own stands in the rules.
          if before.keys != namespaces.keys { continuation.yield() }
          if !namespaces.isEmpty || !before.isEmpty { await self.followApart() }
        }
      }
      group.addTask {
        for await center in departures {
          self.left.withLock { $0 = center }
          continuation.yield()
        }
      }
    }
  }

  private func sync(_ fencesBridge: Bool) async {
    while !Task.isCancelled {
      let began: MonotonicTime = clock.now()
      do {
        try await table.apply(wanted(fencesBridge))
        syncs.increment()
        syncTime.recordNanoseconds((clock.now() - began).inNanoseconds)
        return
      } catch {
        logger.error("rules cannot be written; the last ones stay: \(error)")
        try? await Task.sleep(for: ProxyLimits.retry)
      }
    }
  }

  /// Namespaces that are placed here have one deadline: that of the reading which showed it.
  private func followApart() async {
    let apart: [String: Permission] = apart.withLock { $0 }
    var until: MonotonicTime?
    var allowed: Set<String> = []
    for case (let namespace, .allowed(let end)) in apart {
      allowed.insert(namespace)
      until = min(until ?? end, end)
    }
    let pods: [String] = addresses { allowed.contains($0.namespace) && !isUnfenced($0) }
    await table.followApart(until.map { .allowed(until: $0) } ?? .denied, pods: pods)
  }

  private func isUnfenced(_ pod: KubeObject) -> Bool { WorkloadTier(pod).isEverywhere || pod.spec["hostNetwork"].bool == true }
  private func addresses(_ isMeant: (KubeObject) -> Bool) -> [String] {
    pods.cache.all.filter(isMeant).compactMap { $0.status["podIP"].string }
  }

  private func wanted(_ fencesBridge: Bool) -> RuleSet {
    let ports: [ServicePort] = ServicePort.all(
      services: services.cache.all, slices: slices.cache.all, node: configuration.node,
      zone: configuration.zone, left: left.withLock { $0 })
    let apart: Set<String> = Set(apart.withLock { $0.keys })
    return RuleSet.build(
      ports,
      host: RuleSet.Host(
        podCIDR: configuration.podCIDR, unfencedPods: addresses(isUnfenced),
        apartPods: addresses { apart.contains($0.namespace) && !isUnfenced($0) }, isFenced: configuration.isFenced,
        fencesBridge: fencesBridge))
  }
}
