import Federation
import NIOCore
import NIOPosix
import Primitives
import Site
import Store

/// Asks every host outside the surviving center whether anything of it lives: its role URL, its store member, and whether its ports take
/// connections. A host whose kernel refuses connections runs no daemon, and counts as silent.
struct LifeSigns: Sendable {
  let site: Site
  let center: CenterName
  let probe: RoleProbe
  let group: MultiThreadedEventLoopGroup
  private static let patience = TimeAmount.milliseconds(1_500)

  private var others: [(center: CenterName, host: Host)] {
    site.centers.filter { $0.name != center }.flatMap { center in center.hosts.map { (center.name, $0) } }
  }

  /// - Parameter reports: what members said over the link.
  func look(_ reports: [SurvivorReport]) async -> [LifeSign] {
    await withTaskGroup(of: [LifeSign].self) { group in
      for (center, host) in others { group.addTask { await ask(center, host, reports.first { $0.record?.name == host.name.value }) } }
      return await group.reduce(into: []) { $0 += $1 }
    }
  }

  private func ask(_ center: CenterName, _ host: Host, _ report: SurvivorReport?) async -> [LifeSign] {
    func sign(_ daemon: String, _ said: String, isActive: Bool = false) -> LifeSign {
      LifeSign(center: center, host: host.name, daemon: daemon, said: said, isActive: isActive)
    }
    var signs: [LifeSign] = []
    if let report {
      let leader: String = report.leader == nil ? "no leader" : "it follows a leader"
      signs.append(sign("store", "epoch \(report.epoch), log up to \(report.log.last.index), \(leader)"))
    }
    async let role: ProbeAnswer = probe.ask(host.name)
    async let ports: [Int] = open(host)
    switch await role {
    case .active: signs.append(sign("role", "\(center) is active", isActive: true))
    case .standby: signs.append(sign("role", "it stands by"))
    case .silent: break
    }
    let taken: [Int] = await ports
    // Frozen daemons take connections and say nothing.
    if signs.isEmpty, !taken.isEmpty {
      signs.append(sign("port \(taken.map(String.init).joined(separator: ", "))", "connections are taken, and nothing is said"))
    }
    return signs
  }

  private func open(_ host: Host) async -> [Int] {
    await withTaskGroup(of: Int?.self) { tasks in
      for port in [site.ports.client, site.ports.peer, site.ports.apiserver, site.ports.role] {
        tasks.addTask {
          let bootstrap = ClientBootstrap(group: group).connectTimeout(Self.patience)
          guard let channel = try? await bootstrap.connect(host: host.address.description, port: port).get() else { return nil }
          try? await channel.close()
          return port
        }
      }
      return await tasks.reduce(into: []) { if let port = $1 { $0.append(port) } }.sorted()
    }
  }
}
