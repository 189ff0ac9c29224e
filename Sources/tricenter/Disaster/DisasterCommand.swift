import ArgumentParser
import Federation
import Glibc
import HTTP
import KubeClient
import Logging
import NIOPosix
import Observability
import Primitives
import Site
import SiteLink
import Store
import TLS

struct DisasterCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disaster", abstract: "After the loss of a city: go on in the center that is left.", subcommands: [DisasterRecover.self])
}

struct DisasterRecover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "The other centers are lost: certify what may be lost with them, recover the store, and make this center active.",
    discussion: """
      Run it on a host of the surviving center; it needs no majority, and no apiserver that has one. Refused while any host outside the \
      center answers. Then: the longest log of the survivors goes on under a new epoch of the store, a certificate says what may be lost, \
      a lease is waited for, the center takes the cluster over under the next epoch, and the command ends when an exclusive workload runs \
      there. Broken off, it may be run again: what was done is not done twice. --dry-run tells everything that stands against it and what \
      would be done. Exit code 0: done. 1: failed on the way, run it again. 2: refused, nothing was changed. 3: the outcome is not known.
      """)
  @Option(help: "The site file.") var site: String
  @Option(help: "The folder that `tricenter pki init` made.") var pki: String
  @Option(help: "This host's name in the site file.") var host: String
  @Option(help: "The surviving center.") var center: String
  @Option(help: "The cluster's name, to be sure that this is the one that is meant.") var confirm: String
  @Flag(help: "Do nothing: tell everything that stands against it, and what would be done.") var dryRun: Bool = false
  @Option(help: "Who decided it: stands in the certificate and in the audit trail.") var by: String?
  @Option(help: "The folder where recovery-EPOCH.json and recovery-EPOCH.txt are written.") var certificate: String = "."
  @Option(help: "The Drill that this belongs to.") var drill: String?
  @Option(help: "Seconds to wait for the activation and the first workload, 1 to 86400.") var timeout: Int = 120
  @Option(name: .shortAndLong, help: "text or json; progress goes to standard error in both.") var output: OutputFormat = .text

  func validate() throws {
    guard (1...86_400).contains(timeout) else { throw ValidationError("--timeout takes 1 to 86400 seconds") }
  }

  func run() async throws {
    try await CommandFailure.told {
      Logs.bootstrap(level: .error)
      let recovery: DisasterRecovery = try prepare()
      let found: DisasterOutcome = await recovery.run(isDryRun: dryRun)
      switch output {
      case .text: printLine(found.text)
      case .json: printJSON(found.json)
      }
      if found.outcome != .done { throw found.outcome.code }
    }
  }

  private func prepare() throws -> DisasterRecovery {
    func refused(_ sentence: String) -> CommandFailure { CommandFailure(.refused, "\(sentence) Nothing was changed.") }
    let read: Site
    do { read = try SiteReader.read(path: site) } catch { throw refused("\(error)") }
    let name = HostName(host)
    guard let own: Host = read.host(name), let place: Center = read.center(of: name) else {
      throw refused("\(site) has no host \(host); it has \(read.hosts.map(\.name.value).joined(separator: ", ")).")
    }
    guard read.center(CenterName(center)) != nil else {
      throw refused("\(site) has no center \(center); it has \(read.centers.map(\.name.value).joined(separator: ", ")).")
    }
    guard place.name.value == center else {
      throw refused(
        "\(host) is in \(place.name): \(center) is recovered from a host of its own, whose word alone its members take.")
    }
    guard let cluster: ClusterPlan = read.clusters.first(where: { $0.name == confirm }) else {
      throw refused("--confirm \(confirm): the clusters of \(site) are \(read.clusters.map(\.name).joined(separator: ", ")).")
    }
    guard cluster.order.contains(place.name) else { throw refused("\(confirm) has no part in \(center).") }
    let setting = HostSetting(site: read, host: own, center: place, cluster: cluster, pki: FederationPKI(directory: pki))
    let group = MultiThreadedEventLoopGroup.singleton
    do {
      let files = setting.storeFiles()
      let tls = try LinkTLS(
        certificateFile: files.certificate, keyFile: files.key, authorityFile: setting.pki.authorityCertificate,
        logger: Logger(label: "sitelink"))
      func targets(_ hosts: [Host]) -> [RecoveryTool.Target] {
        hosts.map { .init(name: $0.name, host: $0.address.description, port: read.ports.peer) }
      }
      let others: [Host] = read.centers.filter { $0.name != place.name }.flatMap(\.hosts)
      var configuration = HTTPClientConfiguration(
        targets: ([own] + place.hosts.filter { $0.name != name }).map { .host($0.address.description, port: read.ports.apiserver) },
        tls: try setting.clientTLS(.federation), group: group)
      configuration.noticesDeadServersQuickly()
      var client = KubeClient(transport: HTTPClient(configuration), fieldManager: "tricenter-disaster")
      client.followsRetryAfter = false
      client.requestTimeout = .seconds(3)
      return DisasterRecovery(
        setting: setting, cluster: cluster, all: RecoveryTool(targets: targets(read.hosts), tls: tls, eventLoop: group.next()),
        own: RecoveryTool(targets: targets(place.hosts), tls: tls, eventLoop: group.next()),
        signs: LifeSigns(
          site: read, center: place.name,
          probe: try RoleProbe(
            site: read, hosts: others, authority: setting.pki.authorityCertificate, group: group, patience: .milliseconds(1_500)),
          group: group), client: client, by: by ?? "\(StoreRecoverCommand.user)@\(host)", folder: certificate, drill: drill,
        limit: .seconds(timeout))
    } catch {
      throw refused("The certificates of \(host) in \(pki) cannot be used: \(error).")
    }
  }
}
