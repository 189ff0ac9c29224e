import ArgumentParser
import Federation
import HTTP
import HTTPTypes
import KubeClient
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives
import Site
import TLS

/// A probe of the data path from where the clients are: it has a vote when the federation would take over by itself.
struct VantageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vantage", abstract: "Probe every center's data path from the branch side, and report what is seen.",
    discussion: """
      On a machine where clients are, with a certificate that may report and nothing else:
        tricenter pki person branch-1 --group tricenter:vantages --directory pki
        tricenter pki kubeconfig --cluster bank --server https://10.71.0.11:6443 --person branch-1 --directory pki --file own.kubeconfig
        tricenter vantage --site site.yaml --name branch-1 --kubeconfig own.kubeconfig
      The site file says under `vantages` what is asked for. Without it:
        tricenter vantage --name branch-1 --cluster bank --probe production=http://10.71.0.11:30080/ --kubeconfig own.kubeconfig
      https needs --ca, the authority of whoever serves.
      A probe counts as served when an answer below 500 comes within half a second. Of several probes of one center one is enough. While the
      active center's service is served nobody takes over unasked, so probe what runs in the active center only.
      """)
  @OptionGroup var person: PersonOptions
  @Option(help: "The name of this vantage, one of its own: its certificate's.") var name: String
  @Option(help: "The site file that has it under `vantages`.") var site: String?
  @Option(help: "The cluster; with --site its first.") var cluster: String?
  @Option(help: "CENTER=URL, may be given several times: http or https. With --site, beside those that it names.") var probe: [String] = []
  @Option(help: "Authorities of https probes, a PEM file.") var ca: String?
  @Option(help: "trace, debug, info, notice, warning or error") var logLevel: String = "info"

  func validate() throws {
    guard site != nil || (!probe.isEmpty && cluster != nil) else {
      throw ValidationError("Say what to probe: --site with the vantage in it, or --cluster and at least one --probe CENTER=URL.")
    }
    for text in probe where ProbeTarget(text) == nil {
      throw ValidationError("--probe \(text) is not CENTER=http(s)://HOST:PORT/PATH")
    }
  }

  func run() async throws {
    guard let level = Logger.Level(rawValue: logLevel) else { throw ValidationError("--log-level \(logLevel) is no level") }
    Logs.bootstrap(level: level)
    let given: [ProbeTarget] = probe.compactMap { ProbeTarget($0) }
    var run = VantageRun(name: name, cluster: cluster ?? "", targets: [], apiservers: [])
    if let site { run = try VantageRun(planned: name, in: try SiteReader.read(path: site)) }
    run.targets += given.filter { !run.targets.contains($0) }
    if let cluster { run.cluster = cluster }
    try await run.run(try person.access(), authority: ca)
  }
}

/// One vantage at work.
struct VantageRun: Sendable {
  var name: String
  var cluster: String
  var targets: [ProbeTarget]
  /// Beside the kubeconfig's: any center that is left will do.
  var apiservers: [HTTPClientConfiguration.Target]

  init(name: String, cluster: String, targets: [ProbeTarget], apiservers: [HTTPClientConfiguration.Target]) {
    self.name = name
    self.cluster = cluster
    self.targets = targets
    self.apiservers = apiservers
  }

  /// Who would take over is asked first: its word must be there when production is not.
  init(planned name: String, in site: Site) throws {
    guard let plan: VantagePlan = site.vantages.first(where: { $0.name == name }) else {
      let known: String = site.vantages.map(\.name).joined(separator: ", ")
      throw ValidationFault("The site file has no vantage \(name)\(known.isEmpty ? "" : "; there are: \(known)").")
    }
    let automatic: [CenterName] = site.clusters.first { $0.name == plan.cluster }?.automaticTo ?? []
    let hosts: [Host] =
      site.centers.filter { automatic.contains($0.name) }.flatMap(\.hosts)
      + site.centers.filter { !automatic.contains($0.name) }.flatMap(\.hosts)
    self.init(
      name: name, cluster: plan.cluster, targets: plan.probes.compactMap { ProbeTarget("\($0.center)=\($0.url)") },
      apiservers: hosts.map { .host($0.address.description, port: site.ports.apiserver) })
  }

  /// Until SIGTERM.
  /// - Parameter authority: of https probes, a PEM file.
  func run(_ access: PersonAccess, authority: String?) async throws {
    if authority == nil, let secure: ProbeTarget = targets.first(where: \.endpoint.isSecure) {
      throw ValidationFault("The probe of \(secure.name) needs --ca: whom is its server to be known by?")
    }
    let client: KubeClient = apiservers.isEmpty ? try await access.everyCenter() : try access.client(first: apiservers)
    let hosts: [CenterName: [HostName]] = Dictionary(grouping: targets, by: \.center).mapValues { $0.map(\.name) }
    let reporter = VantageReporter(
      client: client, probe: try DataPathProbe(targets, authority: authority), hosts: hosts,
      as: VantageReport(name: name, cluster: cluster, center: nil))
    try await runDaemon { await reporter.run() }
  }
}

/// `CENTER=http://HOST:PORT/PATH`.
struct ProbeTarget: Hashable, Sendable {
  let center: CenterName
  let endpoint: EndpointURL
  let path: String
  var name: HostName { HostName("\(endpoint.host):\(endpoint.port)\(path)") }

  init?(_ text: String) {
    let parts: [Substring] = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let scheme: Range<Substring.Index> = parts[1].firstRange(of: "://") else { return nil }
    let rest: Substring = parts[1][scheme.upperBound...]
    let slash: Substring.Index = rest.firstIndex(of: "/") ?? rest.endIndex
    guard let endpoint = EndpointURL(String(parts[1][..<scheme.upperBound] + rest[..<slash])) else { return nil }
    center = CenterName(String(parts[0]))
    self.endpoint = endpoint
    path = slash == rest.endIndex ? "/" : String(rest[slash...])
  }
}

/// Served or not.
struct DataPathProbe: PeerProbe {
  private let clients: [HostName: (client: HTTPClient, target: ProbeTarget)]

  init(_ targets: [ProbeTarget], authority: String?) throws {
    let tls: TLSContext? = try authority.map { try .client(identity: nil, trust: .file($0), applicationProtocols: ["http/1.1"]) }
    var clients: [HostName: (HTTPClient, ProbeTarget)] = [:]
    for target in targets {
      var configuration = HTTPClientConfiguration(targets: [.host(target.endpoint.host, port: target.endpoint.port)], version: .http1)
      if target.endpoint.isSecure { configuration.tls = tls }
      configuration.connectTimeout = .milliseconds(500)
      configuration.responseTimeout = .milliseconds(500)
      clients[target.name] = (HTTPClient(configuration), target)
    }
    self.clients = clients
  }

  func ask(_ host: HostName) async -> ProbeAnswer {
    guard let (client, target) = clients[host] else { return .silent("nobody knows how to reach it") }
    do {
      let authority: String = "\(target.endpoint.host):\(target.endpoint.port)"
      let request = HTTPRequest(method: .get, scheme: target.endpoint.isSecure ? "https" : "http", authority: authority, path: target.path)
      let response: ClientResponse = try await client.execute(request, body: nil)
      while try await response.body.next() != nil {}
      return response.head.status.code < 500 ? .active : .standby
    } catch let error as HTTPError {
      return .silent(error.message)
    } catch {
      return .silent("\(error)")
    }
  }
}
