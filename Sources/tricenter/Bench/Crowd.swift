import ArgumentParser
import Federation
import HTTP
import KubeClient
import Kubelet
import Lab
import NIOPosix
import Observability
import Primitives
import Site
import TLS

/// The kubelets of many hosts that do not exist, in one process: a part of `bench failover-pods`, which starts and kills it.
struct Crowd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "crowd", abstract: "Run simulated hosts of one center of a lab.", shouldDisplay: false)
  @OptionGroup var lab: LabOptions
  @Option var center: String
  @Option var count: Int

  static func name(_ center: String, _ index: Int) -> HostName { HostName("sim-\(center)-\(index)") }

  func validate() throws {
    guard (1...200).contains(count) else { throw ValidationError("--count takes 1 to 200") }
  }

  func run() async throws {
    let lab: Lab = try self.lab.lab()
    guard let place: Int = lab.site.centers.firstIndex(where: { $0.name.value == center }), let cluster = lab.site.clusters.first,
      let first: Host = lab.site.centers[place].hosts.first
    else { throw ValidationError("the lab has no center \(center)") }
    Logs.bootstrap(level: .warning)
    bootstrapMetrics()
    let setting = HostSetting(
      site: lab.site, host: first, center: lab.site.centers[place], cluster: cluster, pki: FederationPKI(directory: lab.directory.pki))
    let (count, directory): (Int, String) = (count, lab.directory.path)
    try await runDaemon {
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
      let access: APIAccess = try Self.access(setting, group)
      let health = HealthRegistry()
      let observer: ActivationObserver = try ControlDaemons(setting: setting, access: access, health: health, group: group).observer()
      var daemons: [Daemon] = [("observer", { await observer.run() })]
      for index in 0..<count {
        var own: HostSetting = setting
        own.host.name = Self.name(setting.center.name.value, index)
        own.host.pods = try IPRange.parse("10.\(201 + place).\(index).0/24").get()
        let node = NodeDaemons(
          setting: own, access: access, health: HealthRegistry(), group: group, observer: observer, runtime: .simulated(startLatency: .zero)
        )
        daemons += try node.simulated(root: "\(directory)/crowd/\(own.host.name)")
      }
      try await runTogether(daemons, host: HostName("crowd-\(setting.center.name)"))
    }
  }

  /// As a person who may do everything, since nobody made certificates for these hosts; all of them share some connections.
  private static func access(_ setting: HostSetting, _ group: MultiThreadedEventLoopGroup) throws -> APIAccess {
    let person = setting.pki.files(person: "admin")
    let tls: TLSContext = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(setting.pki.authorityCertificate),
      applicationProtocols: HTTPServerConfiguration.applicationProtocols)
    return APIAccess { user in
      var configuration = HTTPClientConfiguration(targets: setting.apiservers, tls: tls, group: group)
      configuration.noticesDeadServersQuickly()
      return KubeClient(transport: HTTPClient(configuration), fieldManager: user.fieldManager)
    }
  }
}
