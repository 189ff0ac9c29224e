import APIServer
import ClusterDNS
import Console
import Controllers
import EtcdAPI
import Federation
import HTTP
import KubeClient
import Lab
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives
import Scheduler
import Site
import SiteLink
import Store
import TLS

/// The daemons of `tricenter center` and how they reach each other: all of them through this host's apiserver, without a socket in between.
struct CenterProcess: Sendable {
  let setting: HostSetting
  let data: String
  private let logger = Logger(label: "center")

  init(setting: HostSetting, data: String) {
    self.setting = setting
    self.data = data
  }

  func run() async throws {
    let health = HealthRegistry()
    // The store's loop is the store's alone, with its clients' connections; everything else shares two others.
    let storeGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let store: Store = try makeStore(storeGroup.next())
    health.register("store", live: true) { store.health(liveOnly: true) }
    health.register("store-leader") { store.health() }
    let lastLeader = LeaderNotes()
    store.observeLeadership { lastLeader.note($0) }
    try await store.start()
    logger.notice(
      "store is up",
      metadata: ["member": "\(store.configuration.memberID)", "cluster": "\(String(store.configuration.clusterID, radix: 16))"])
    let api: APIServer = try makeAPIServer(store, health)
    let (site, host): (Site, Host) = (setting.site, setting.host)
    let etcd = EtcdServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.client), tls: try setting.serverTLS(.store), group: storeGroup),
      store: store)
    let front = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.apiserver), tls: try setting.serverTLS(.apiserver), group: group),
      responder: api)
    let observer = ActivationObserver(
      client: client(api, "system:serviceaccount:tricenter-system:observer"), cluster: setting.cluster.name, margin: site.activation.margin)
    let admin = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.admin), tls: try setting.serverTLS(.apiserver), group: group),
      responder: ObservabilityResponder(
        health: health,
        next: ConsoleResponder(
          client: client(api, "tricenter:console"), next: StatusResponder(setting: setting, store: store, observer: observer))))
    let daemons: [(String, @Sendable () async throws -> Void)] = [
      ("etcd", { try await etcd.run() }), ("apiserver", { try await front.run() }), ("admin", { try await admin.run() }),
      ("apiserver-start", { try await self.startAPI(api) }), ("observer", { await observer.run() }),
      ("election-priority", { try await self.followActivation(observer, store) }),
      ("federation", { await self.federation(api).run() }),
      ("controller-manager", { try await self.controllers(api, observer, health).run() }),
      ("scheduler", { try await self.scheduler(api, observer, health).run() }),
      ("dns", { try await self.dns(api, observer, health, group) }),
    ]
    do {
      try await runTogether(daemons, host: host.name)
    } catch {
      api.stop()
      await store.stop()
      throw error
    }
  }

  private func makeStore(_ loop: any EventLoop) throws -> Store {
    let site: Site = setting.site
    let members: [StoreMember] = site.centers.flatMap { center in
      center.hosts.map { host in
        StoreMember(
          id: StoreIdentity.memberID(federation: site.federation, host: host.name), name: host.name, center: center.name,
          role: host.voter ? .voter : .learner, priority: center.role.electionPriority, peerHost: host.address.description,
          peerPort: site.ports.peer, clientURL: "https://\(host.address):\(site.ports.client)")
      }
    }
    var configuration = StoreConfiguration(
      memberID: StoreIdentity.memberID(federation: site.federation, host: setting.host.name),
      clusterID: StoreIdentity.clusterID(federation: site.federation), members: members, directory: data)
    // As long as a stock kube-apiserver keeps it (--etcd-compaction-interval).
    configuration.historyRetention = .seconds(300)
    let files = setting.storeFiles()
    let tls = try LinkTLS(
      certificateFile: files.certificate, keyFile: files.key, authorityFile: setting.pki.authorityCertificate,
      logger: Logger(label: "sitelink"))
    return try Store(configuration: configuration, eventLoop: loop, tls: tls, bind: (setting.address, site.ports.peer))
  }

  private func makeAPIServer(_ store: Store, _ health: HealthRegistry) throws -> APIServer {
    let cluster: ClusterPlan = setting.cluster
    guard let range = IPv4Range(cluster.services.description) else {
      throw ValidationFault("The services of \(cluster.name), \(cluster.services), are no IPv4 range.")
    }
    let configuration = APIServerConfiguration(
      clusterName: cluster.name, serviceRange: range,
      nodePortRange: Int64(cluster.nodePorts.lowerBound)...Int64(cluster.nodePorts.upperBound), advertiseAddress: setting.address,
      advertisePort: Int64(setting.site.ports.apiserver), health: health)
    return APIServer(configuration: configuration, store: store)
  }

  private func startAPI(_ api: APIServer) async throws {
    try await api.start()
    EventLog.shared.record("apiserver.ready")
    logger.notice("apiserver is ready")
    // Its caches go on by themselves; this daemon ends with the process.
    while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
  }

  /// The store's leader belongs where the cluster is active: the writes of its daemons then cross no line to reach it. A center that
  /// comes back after a failover therefore does not take the leadership with it.
  private func followActivation(_ observer: ActivationObserver, _ store: Store) async throws {
    var last: CenterName?
    for await view in observer.views() {
      guard let active: CenterName = view.record?.center, active != last else { continue }
      last = active
      var priorities: [MemberID: Int] = [:]
      for member in store.configuration.members {
        priorities[member.id] = member.center == active ? CenterRole.activePriority : member.priority
      }
      store.setPriorities(priorities)
    }
  }

  private func client(_ api: APIServer, _ user: String, groups: [String] = ["system:masters"]) -> KubeClient {
    KubeClient(
      transport: InProcessTransport(responder: api, peer: PeerIdentity(commonName: user, organizations: groups)),
      fieldManager: user.split(separator: ":").last.map(String.init) ?? user)
  }

  private func federation(_ api: APIServer) -> FederationController {
    FederationController(
      client: client(api, "tricenter:federation"),
      configuration: .init(site: setting.site, cluster: setting.cluster, center: setting.center.name, host: setting.host.name))
  }

  /// Leads only while this center is active; a lease of an older epoch counts as expired.
  private func election(_ name: String, _ observer: ActivationObserver) -> LeaderElectionConfiguration {
    let center: CenterName = setting.center.name
    return LeaderElectionConfiguration(
      name: name, identity: "\(setting.host.name)/\(name)", epoch: { observer.epoch }, mayLead: { observer.isActive(center) })
  }

  private func controllers(_ api: APIServer, _ observer: ActivationObserver, _ health: HealthRegistry) -> ControllerManager {
    ControllerManager(
      client: client(api, "system:kube-controller-manager"),
      configuration: ControllerConfiguration(leaderElection: election("controller-manager", observer), health: health))
  }

  private func scheduler(_ api: APIServer, _ observer: ActivationObserver, _ health: HealthRegistry) -> Scheduler {
    let center: CenterName = setting.center.name
    return Scheduler(
      client: client(api, "system:kube-scheduler"),
      configuration: SchedulerConfiguration(
        activeCenter: { observer.isActive(center) ? center : nil }, leaderElection: election("scheduler", observer), health: health))
  }

  private func dns(
    _ api: APIServer, _ observer: ActivationObserver, _ health: HealthRegistry, _ group: MultiThreadedEventLoopGroup
  ) async throws {
    let informers = SharedInformers(client: client(api, "tricenter:dns"))
    let directory = InformerDirectory(informers)
    health.register("dns") { directory.hasSynced ? nil : "Services have not been read yet" }
    let (site, clock): (Site, SystemClock) = (setting.site, SystemClock())
    let server = NameServer(.init(domain: setting.cluster.domain, cluster: setting.cluster.name, zone: site.zone), directory: directory) {
      let view: ActivationView = observer.view
      // Without a read for a whole lease, somebody else may be active by now.
      guard let record: ActivationRecord = view.record, let read: MonotonicTime = view.lastReadBegan,
        clock.now() - read < site.activation.lease
      else { return .unknown }
      let addresses: [String] = site.center(record.center)?.hosts.map(\.address.description) ?? []
      return .active(center: record.center.value, epoch: record.epoch, addresses: addresses)
    }
    let listener = DNSServer(nameServer: server, host: setting.address, port: site.ports.dns, group: group)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { await informers.run() }
      tasks.addTask { try await listener.run() }
      try await tasks.next()
      tasks.cancelAll()
    }
  }
}

extension CenterRole {
  /// Above every role's own.
  static let activePriority: Int = 4

  /// Who leads the store when it can choose: production before local-dr before remote-dr.
  var electionPriority: Int {
    switch self {
    case .production: 3
    case .localDR: 2
    case .remoteDR: 1
    }
  }
}

/// Runs daemons side by side. The first that ends ends all: whoever supervises the process starts it again.
func runTogether(_ daemons: [(String, @Sendable () async throws -> Void)], host: HostName) async throws {
  let logger = Logger(label: "daemons")
  try await withThrowingTaskGroup(of: String.self) { group in
    for (name, body) in daemons {
      group.addTask {
        do {
          try await body()
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          logger.error("\(name) ended: \(error)", metadata: ["host": "\(host)"])
          throw error
        }
        return name
      }
    }
    defer { group.cancelAll() }
    if let ended: String = try await group.next() {
      try Task.checkCancellation()
      throw ValidationFault("The daemon \(ended) of \(host) ended by itself.")
    }
  }
}

/// A sentence for people.
struct ValidationFault: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
