import ClusterDNS
import Controllers
import Federation
import HTTP
import KubeClient
import NIOPosix
import Observability
import Primitives
import Scheduler
import ServiceProxy
import Site
import Store
import TLS

/// A named part of a process that runs until its task is cancelled.
typealias Daemon = (String, @Sendable () async throws -> Void)

/// The control plane's daemons of one host, wired alike whether they share a process (`tricenter center`) or have one each.
struct ControlDaemons: Sendable {
  let setting: HostSetting
  let access: APIAccess
  let health: HealthRegistry
  let group: MultiThreadedEventLoopGroup

  func observer() throws -> ActivationObserver {
    ActivationObserver(
      client: try access.client(.observer), cluster: setting.cluster.name, margin: setting.site.activation.margin,
      center: setting.center.name, renewEvery: setting.site.activation.renewEvery)
  }

  /// - Parameter store: of this process; nil where it is another one.
  func federation(_ observer: ActivationObserver, store: Store? = nil) throws -> FederationController {
    var configuration = FederationController.Configuration(
      site: setting.site, cluster: setting.cluster, center: setting.center.name, host: setting.host.name)
    let others: [Host] = setting.site.centers.filter { $0.name != setting.center.name }.flatMap(\.hosts)
    configuration.peers = try RoleProbe(site: setting.site, hosts: others, authority: setting.pki.authorityCertificate, group: group)
    configuration.reports = setting.reports(store)
    return FederationController(client: try access.client(.federation), observer: observer, configuration: configuration)
  }

  /// The role URLs: TLS, and no client certificate asked for.
  func roles(_ observer: ActivationObserver, store: Store? = nil, certificate: PKIDaemon) throws -> Daemon {
    let server = HTTPServer(
      HTTPServerConfiguration(
        address: .host(setting.address, port: setting.site.ports.role), tls: try setting.openTLS(certificate), group: group),
      responder: RoleResponder(setting: setting, observer: observer, store: store))
    return ("roles", { try await server.run() })
  }

  /// Leads only while this center is active; a lease of an older epoch counts as expired.
  private func election(_ name: String, _ observer: ActivationObserver) -> LeaderElectionConfiguration {
    let center: CenterName = setting.center.name
    var election = LeaderElectionConfiguration(
      name: name, identity: "\(setting.host.name)/\(name)", epoch: { observer.epoch }, mayLead: { observer.isActive(center) })
    election.waitForChange = { before, limit in try await observer.waitForChange(of: center, from: before, atMost: limit) }
    return election
  }

  func controllers(_ observer: ActivationObserver) throws -> ControllerManager {
    ControllerManager(
      client: try access.client(.controllerManager),
      configuration: ControllerConfiguration(leaderElection: election(FederationNames.controllerManagerLease, observer), health: health))
  }

  func scheduler(_ observer: ActivationObserver) throws -> Scheduler {
    let center: CenterName = setting.center.name
    return Scheduler(
      client: try access.client(.scheduler),
      configuration: SchedulerConfiguration(
        activeCenter: { observer.isActive(center) ? center : nil },
        placedNamespaces: {
          let record: ActivationRecord? = observer.view.record
          return Dictionary(
            uniqueKeysWithValues: (record?.placements ?? []).map { ($0.namespace, record?.home(of: $0.namespace)) })
        }, leaderElection: election(FederationNames.schedulerLease, observer),
        health: health))
  }

  func dns(_ observer: ActivationObserver) throws -> @Sendable () async throws -> Void {
    let informers = SharedInformers(client: try access.client(.dns))
    let directory = InformerDirectory(informers)
    health.register("dns") { directory.hasSynced ? nil : "Services have not been read yet" }
    let (site, clock): (Site, SystemClock) = (setting.site, SystemClock())
    let names = NameServer.Configuration(
      domain: setting.cluster.domain, cluster: setting.cluster.name, zone: site.zone, center: setting.center.name.value,
      addresses: setting.center.hosts.map(\.address.description))
    let left = LeftCenter()
    let departures: AsyncStream<Departure?> = Departures.of(observer, site: site)
    // Without a read for a whole lease, somebody else may be active by now.
    @Sendable func record() -> ActivationRecord? {
      let view: ActivationView = observer.view
      guard let read: MonotonicTime = view.lastReadBegan, clock.now() - read < site.activation.lease else { return nil }
      return view.record
    }
    @Sendable func state(_ center: CenterName, _ record: ActivationRecord) -> GlobalState {
      .active(
        center: center.value, epoch: record.epoch, addresses: site.center(center)?.hosts.map(\.address.description) ?? [])
    }
    let server = NameServer(
      names, directory: directory, left: { left.center },
      placed: { namespace in
        // While it is being moved its names lead to where it will be.
        guard let known: ActivationRecord = record(), let placement: NamespacePlacement = known.placement(of: namespace) else { return nil }
        return state(placement.yieldsTo ?? placement.center, known)
      },
      state: { record().map { state($0.center, $0) } ?? .unknown })
    let listener = DNSServer(nameServer: server, host: setting.address, port: site.ports.dns, group: group)
    return {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
          async let followed: Void = left.follow(departures)
          await informers.run()
          await followed
        }
        tasks.addTask { try await listener.run() }
        try await tasks.next()
        tasks.cancelAll()
      }
    }
  }
}
