import ArgumentParser
import Dispatch
import Glibc
import HTTP
import Logging
import Metrics
import NIOPosix
import Observability
import Primitives
import Site
import TLS

/// What every daemon of a host is told, and what follows from it.
struct DaemonOptions: ParsableArguments {
  @Option(help: "The site file.") var site: String
  @Option(help: "The folder that `tricenter pki init` made.") var pki: String
  @Option(help: "This host's name in the site file.") var host: String
  @Option(help: "trace, debug, info, notice, warning or error") var logLevel: String = "info"

  func load() throws -> HostSetting {
    guard let level = Logger.Level(rawValue: logLevel) else { throw ValidationError("--log-level \(logLevel) is no level") }
    Logs.bootstrap(level: level)
    bootstrapMetrics()
    let site: Site = try SiteReader.read(path: self.site)
    let name = HostName(host)
    guard let own: Host = site.host(name), let center: Center = site.center(of: name) else {
      throw ValidationError("\(self.site) has no host \(host); it has \(site.hosts.map(\.name.value).joined(separator: ", ")).")
    }
    guard let cluster: ClusterPlan = site.clusters.first else { throw ValidationError("\(self.site) describes no cluster.") }
    return HostSetting(site: site, host: own, center: center, cluster: cluster, pki: FederationPKI(directory: pki))
  }
}

/// One host's place in its site, and its certificates.
struct HostSetting: Sendable {
  var site: Site
  var host: Host
  var center: Center
  var cluster: ClusterPlan
  var pki: FederationPKI

  var address: String { host.address.description }

  func addresses(of center: CenterName) -> Set<String> { Set(site.center(center)?.hosts.map(\.address.description) ?? []) }

  private func source(_ daemon: PKIDaemon) -> TLSContext.IdentitySource {
    let files = pki.files(center: center.name, host: host.name, daemon: daemon)
    return .files(certificate: files.certificate, key: files.key)
  }

  /// A listener that takes only peers with a certificate of this federation.
  func serverTLS(_ daemon: PKIDaemon) throws -> TLSContext {
    try .server(
      identity: source(daemon), trust: .file(pki.authorityCertificate), applicationProtocols: HTTPServerConfiguration.applicationProtocols,
      logger: Logger(label: "tls.\(daemon.rawValue)"))
  }

  /// A listener that asks nobody for a certificate.
  func openTLS(_ daemon: PKIDaemon) throws -> TLSContext {
    try .server(
      identity: source(daemon), trust: nil, applicationProtocols: HTTPServerConfiguration.applicationProtocols, clientCertificates: .none,
      logger: Logger(label: "tls.roles"))
  }

  /// Whoever reaches the store reads every Secret and writes what no admission has seen: people who may do everything, and apiservers.
  var storeClients: PeerVerification {
    let daemons: PeerVerification = IdentityURI.expect(federation: site.federation, daemons: ["store", "apiserver"])
    return { peer in
      guard peer.process == nil else { return daemons(peer) }
      return peer.organizations.contains("system:masters") ? nil : "\"\(peer.commonName)\" is not in the group system:masters"
    }
  }

  /// Who may look at this host's admin port: people, and the daemons of its own center.
  var onlookers: PeerVerification {
    let daemons: PeerVerification = IdentityURI.expect(federation: site.federation, center: center.name.value)
    return { $0.process == nil ? nil : daemons($0) }
  }

  func clientTLS(_ daemon: PKIDaemon) throws -> TLSContext {
    try .client(
      identity: source(daemon), trust: .file(pki.authorityCertificate), applicationProtocols: HTTPServerConfiguration.applicationProtocols,
      logger: Logger(label: "tls.\(daemon.rawValue)"))
  }

  /// What this host's apiserver shows to kubelets, which take nobody else's word. HTTP/1.1 alone: an HTTP/2 connection cannot be upgraded.
  func kubeletTLS() throws -> TLSContext {
    try .client(
      identity: source(.apiserver), trust: .file(pki.authorityCertificate), applicationProtocols: ["http/1.1"],
      logger: Logger(label: "tls.apiserver-kubelet"))
  }

  func storeFiles() -> (certificate: String, key: String) { pki.files(center: center.name, host: host.name, daemon: .store) }

  /// Apiservers in the order in which this host asks them: its own, its center's, the others'.
  var apiservers: [HTTPClientConfiguration.Target] {
    let others: [Host] = center.hosts.filter { $0.name != host.name }
    let far: [Host] = site.centers.filter { $0.name != center.name }.flatMap(\.hosts)
    return ([host] + others + far).map { .host($0.address.description, port: site.ports.apiserver) }
  }

  /// A connection to the apiservers that notices within a second when the one in use is gone.
  func apiTransport(_ daemon: PKIDaemon, group: MultiThreadedEventLoopGroup) throws -> HTTPClient {
    var configuration = HTTPClientConfiguration(targets: apiservers, tls: try clientTLS(daemon), group: group)
    configuration.noticesDeadServersQuickly()
    return HTTPClient(configuration)
  }
}

/// Prometheus' own name for when a process began; by it a restart is seen.
func bootstrapMetrics() {
  PrometheusRegistry.shared.bootstrap()
  Gauge(label: "process_start_time_seconds").record(SystemClock().wall().secondsSince1970)
}

/// Runs a daemon until SIGTERM or SIGINT cancels it. A second signal ends the process at once.
func runDaemon(_ body: @escaping @Sendable () async throws -> Void) async throws {
  let task = Task { try await body() }
  let sources: [any DispatchSourceSignal] = [SIGTERM, SIGINT].map { number in
    signal(number, SIG_IGN)
    let source: any DispatchSourceSignal = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      if task.isCancelled { _exit(130) }
      task.cancel()
    }
    source.resume()
    return source
  }
  defer { for source in sources { source.cancel() } }
  signal(SIGPIPE, SIG_IGN)
  do {
    try await task.value
  } catch is CancellationError {
    return
  }
}
