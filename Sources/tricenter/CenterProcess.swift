import APIServer
import Console
import EtcdAPI
import Federation
import HTTP
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives
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
    var apiConfiguration: APIServerConfiguration = try setting.apiServerConfiguration(health)
    let recovery = RecoveryPause(lease: setting.site.activation.lease, epoch: store.status.epoch)
    apiConfiguration.withheld = { resource, namespace, name in
      recovery.reason(resource, namespace, name, epoch: store.status.epoch)
    }
    let api = APIServer(configuration: apiConfiguration, store: store)
    let access: APIAccess = .inProcess(api)
    let control = ControlDaemons(setting: setting, access: access, health: health, group: group)
    let (site, host): (Site, Host) = (setting.site, setting.host)
    let etcd = EtcdServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.client), tls: try setting.serverTLS(.store), verifyPeer: setting.storeClients,
        group: storeGroup),
      store: store)
    let front = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.apiserver), tls: try setting.serverTLS(.apiserver), group: group),
      responder: api)
    let observer: ActivationObserver = try control.observer()
    let federation: FederationController = try control.federation(observer, store: store)
    let controllers = try control.controllers(observer)
    let scheduler = try control.scheduler(observer)
    let admin = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: site.ports.admin), tls: try setting.serverTLS(.apiserver), verifyPeer: setting.onlookers,
        group: group),
      responder: ObservabilityResponder(
        health: health,
        next: ConsoleResponder(
          client: try access.client(.console), next: StatusResponder(setting: setting, store: store, observer: observer))))
    let daemons: [Daemon] = [
      ("store", { try await Self.watch(store) }), ("etcd", { try await etcd.run() }), ("apiserver", { try await front.run() }),
      ("admin", { try await admin.run() }), try control.roles(observer, store: store, certificate: .apiserver),
      ("apiserver-start", { try await runCaches(of: api) }), ("observer", { await observer.run() }),
      ("election-priority", { try await self.followActivation(observer, store, api) }),
      ("federation", { await federation.run() }), ("controller-manager", { try await controllers.run() }),
      ("scheduler", { try await scheduler.run() }), ("dns", try control.dns(observer)),
    ]
    do {
      try await runTogether(daemons, host: host.name)
    } catch {
      api.stop()
      await store.stop()
      throw error
    }
  }

  /// Throws when the member has stopped for good (its journal failed, say). The process then ends: alive it would hold its host's daemons,
  /// which ask this apiserver first, at one that answers 503 for ever.
  static func watch(_ store: Store) async throws {
    while true {
      try await Task.sleep(for: .milliseconds(500))
      if let sentence: String = store.health(liveOnly: true) { throw StoreStopped(sentence: sentence) }
    }
  }

  private func makeStore(_ loop: any EventLoop) throws -> Store {
    let site: Site = setting.site
    let members: [StoreMember] = site.centers.flatMap { center in
      center.hosts.map { host in
        StoreMember(
          id: StoreIdentity.memberID(federation: site.federation, host: host.name), name: host.name, center: center.name, city: center.city,
          role: host.voter ? .voter : .learner, priority: center.role.electionPriority, peerHost: host.address.description,
          peerPort: site.ports.peer, clientURL: "https://\(host.address):\(site.ports.client)")
      }
    }
    var configuration = StoreConfiguration(
      memberID: StoreIdentity.memberID(federation: site.federation, host: setting.host.name),
      clusterID: StoreIdentity.clusterID(federation: site.federation), members: members, directory: data)
    // As long as a stock kube-apiserver keeps it (--etcd-compaction-interval).
    configuration.historyRetention = .seconds(300)
    configuration.shrinkMode = ShrinkMode(rawValue: site.store.shrink.rawValue) ?? .manual
    configuration.shrinkPatience = site.store.shrinkAfter
    configuration.wideArea = WideArea(site.store)
    let files = setting.storeFiles()
    let tls = try LinkTLS(
      certificateFile: files.certificate, keyFile: files.key, authorityFile: setting.pki.authorityCertificate,
      logger: Logger(label: "sitelink"))
    return try Store(configuration: configuration, eventLoop: loop, tls: tls, bind: (setting.address, site.ports.peer))
  }

  /// The store's leader belongs where the cluster is active: the writes of its daemons then cross no line to reach it. A center that
  /// comes back after a failover therefore does not take the leadership with it.
  private func followActivation(_ observer: ActivationObserver, _ store: Store, _ api: APIServer) async throws {
    var last: CenterName?
    for await view in observer.views() {
      guard let active: CenterName = view.record?.center, active != last else { continue }
      last = active
      var priorities: [MemberID: Int] = [:]
      for member in store.members {
        priorities[member.id] = member.center == active ? CenterRole.activePriority : member.priority
      }
      store.setPriorities(priorities)
      api.prefer(setting.addresses(of: active))
    }
  }
}

struct StoreStopped: Error, CustomStringConvertible {
  var sentence: String
  var description: String { sentence }
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
