import APIServer
import ArgumentParser
import EtcdAPI
import Federation
import HTTP
import Keyspace
import Logging
import Observability
import Primitives
import Site
import TLS

/// An apiserver on any etcd v3. Where kube-apiserver has the flag, it has kube-apiserver's name; what is left out comes from the site file
/// and the host's certificates.
struct APIServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apiserver", abstract: "Run an apiserver alone, on this federation's store or any other etcd v3.")
  @OptionGroup var options: DaemonOptions
  @Option(help: "https://HOST:PORT or http://HOST:PORT, by commas; the one that answered last is asked first. Default: the site's members.")
  var etcdServers: String?
  @Option(help: "The authority of the etcd servers.") var etcdCafile: String?
  @Option(help: "The certificate shown to the etcd servers.") var etcdCertfile: String?
  @Option(help: "Its key, mode 0600.") var etcdKeyfile: String?
  @Option(help: "The address to listen on. Default: the host's.") var bindAddress: String?
  @Option(help: "Default: the site's port.") var securePort: Int?
  @Option(help: "The address that pods are told. Default: the host's.") var advertiseAddress: String?
  @Option(help: "Default: the cluster's services in the site file.") var serviceClusterIpRange: String?
  @Option(help: "The server's certificate.") var tlsCertFile: String?
  @Option(help: "Its key, mode 0600.") var tlsPrivateKeyFile: String?
  @Option(help: "Who signs clients' certificates.") var clientCaFile: String?
  @Option(help: "Port of /metrics, /livez and /readyz for those without a certificate of the cluster.") var adminPort: Int = 9_092

  func validate() throws {
    guard (etcdCertfile == nil) == (etcdKeyfile == nil) else {
      throw ValidationError("--etcd-certfile and --etcd-keyfile belong together")
    }
    guard (tlsCertFile == nil) == (tlsPrivateKeyFile == nil) else {
      throw ValidationError("--tls-cert-file and --tls-private-key-file belong together")
    }
  }

  func run() async throws {
    let daemon = SingleDaemon("apiserver", try options.load(), certificate: .apiserver, adminPort: adminPort)
    let store: EtcdStore = try makeStore(daemon)
    let api = APIServer(configuration: try configuration(daemon.setting, daemon.health), store: store)
    let front = HTTPServer(
      HTTPServerConfiguration(
        address: .host(bindAddress ?? daemon.setting.address, port: securePort ?? daemon.setting.site.ports.apiserver),
        tls: try frontTLS(daemon.setting), group: daemon.group),
      responder: api)
    daemon.health.register("apiserver-caches") { api.isReady ? nil : "the caches are not filled yet" }
    daemon.health.register("etcd") {
      do {
        _ = try await store.get(Bytes("health"))
        return nil
      } catch {
        return "the store does not answer: \(error)"
      }
    }
    let observer: ActivationObserver = try daemon.control(.inProcess(api)).observer()
    let setting: HostSetting = daemon.setting
    try await runDaemon {
      do {
        try await daemon.run([
          ("apiserver", { try await front.run() }), ("apiserver-start", { try await runCaches(of: api) }),
          ("observer", { await observer.run() }),
          ("active-first", { for await view in observer.views() { api.prefer(setting.addresses(of: view.record?.center ?? "")) } }),
        ])
      } catch {
        api.stop()
        throw error
      }
    }
  }

  private func makeStore(_ daemon: SingleDaemon) throws -> EtcdStore {
    let setting: HostSetting = daemon.setting
    let own: [Host] = [setting.host]
    let near: [Host] = setting.center.hosts.filter { $0.name != setting.host.name }
    let far: [Host] = setting.site.centers.filter { $0.name != setting.center.name }.flatMap(\.hosts)
    let members: String = (own + near + far).map { "https://\($0.address):\(setting.site.ports.client)" }.joined(separator: ",")
    let servers: [EndpointURL] = try (etcdServers ?? members).split(separator: ",").map { text in
      guard let url = EndpointURL(String(text)) else { throw ValidationError("--etcd-servers: \(text) is no http:// or https:// URL") }
      return url
    }
    guard let first: EndpointURL = servers.first else { throw ValidationError("--etcd-servers names no server") }
    guard Set(servers.map(\.isSecure)).count == 1 else { throw ValidationError("--etcd-servers mixes http and https") }
    var configuration = HTTPClientConfiguration(
      targets: servers.map { .host($0.host, port: $0.port) }, tls: first.isSecure ? try etcdTLS(setting) : nil,
      version: first.isSecure ? .automatic : .http2, group: daemon.group)
    configuration.noticesDeadServersQuickly()
    return EtcdStore(HTTPClient(configuration), secure: first.isSecure, authority: "\(first.host):\(first.port)")
  }

  private func etcdTLS(_ setting: HostSetting) throws -> TLSContext {
    let own = setting.pki.files(center: setting.center.name, host: setting.host.name, daemon: .apiserver)
    return try .client(
      identity: .files(certificate: etcdCertfile ?? own.certificate, key: etcdKeyfile ?? own.key),
      trust: .file(etcdCafile ?? setting.pki.authorityCertificate), applicationProtocols: ["h2"], logger: Logger(label: "tls.etcd"))
  }

  private func frontTLS(_ setting: HostSetting) throws -> TLSContext {
    let own = setting.pki.files(center: setting.center.name, host: setting.host.name, daemon: .apiserver)
    return try .server(
      identity: .files(certificate: tlsCertFile ?? own.certificate, key: tlsPrivateKeyFile ?? own.key),
      trust: .file(clientCaFile ?? setting.pki.authorityCertificate), applicationProtocols: HTTPServerConfiguration.applicationProtocols,
      logger: Logger(label: "tls.apiserver"))
  }

  private func configuration(_ setting: HostSetting, _ health: HealthRegistry) throws -> APIServerConfiguration {
    var configuration: APIServerConfiguration = try setting.apiServerConfiguration(health)
    if let text: String = serviceClusterIpRange {
      guard let range = IPv4Range(text) else { throw ValidationError("--service-cluster-ip-range \(text) is no IPv4 range") }
      configuration.serviceRange = range
    }
    if let advertiseAddress { configuration.advertiseAddress = advertiseAddress }
    if let securePort { configuration.advertisePort = Int64(securePort) }
    return configuration
  }
}

/// Fills an apiserver's caches and keeps the process: they go on by themselves.
func runCaches(of api: APIServer) async throws {
  try await api.start()
  EventLog.shared.record("apiserver.ready")
  Logger(label: "apiserver").notice("apiserver is ready")
  while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
}

extension HostSetting {
  func apiServerConfiguration(_ health: HealthRegistry) throws -> APIServerConfiguration {
    guard let range = IPv4Range(cluster.services.description) else {
      throw ValidationFault("The services of \(cluster.name), \(cluster.services), are no IPv4 range.")
    }
    var configuration = APIServerConfiguration(
      clusterName: cluster.name, serviceRange: range,
      nodePortRange: Int64(cluster.nodePorts.lowerBound)...Int64(cluster.nodePorts.upperBound), advertiseAddress: address,
      advertisePort: Int64(site.ports.apiserver), health: health)
    configuration.kubeletTLS = try kubeletTLS()
    return configuration
  }
}
