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
import TLS

/// A probe of the data path from where the clients are: it has a vote when the federation would take over by itself.
struct VantageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vantage", abstract: "Probe every center's data path from the branch side, and report what is seen.",
    discussion: """
      tricenter vantage --name branch-1 --cluster bank --probe production=http://10.71.0.11:30080/ --probe local-dr=http://10.72.0.11:30080/
      https needs --ca, the authority of whoever serves.
      A probe counts as served when an answer below 500 comes within half a second. Of several probes of one center one is enough.
      """)
  @OptionGroup var person: PersonOptions
  @Option(help: "The name of this vantage, one of its own.") var name: String
  @Option(help: "The cluster.") var cluster: String
  @Option(help: "CENTER=URL, may be given several times: http or https.") var probe: [String]
  @Option(help: "Authorities of https probes, a PEM file.") var ca: String?
  @Option(help: "trace, debug, info, notice, warning or error") var logLevel: String = "info"

  func validate() throws {
    guard !probe.isEmpty else { throw ValidationError("--probe is needed at least once: CENTER=URL") }
    for text in probe {
      guard let target = ProbeTarget(text) else { throw ValidationError("--probe \(text) is not CENTER=http(s)://HOST:PORT/PATH") }
      if target.endpoint.isSecure, ca == nil { throw ValidationError("--probe \(text) needs --ca: whom is its server to be known by?") }
    }
  }

  func run() async throws {
    guard let level = Logger.Level(rawValue: logLevel) else { throw ValidationError("--log-level \(logLevel) is no level") }
    Logs.bootstrap(level: level)
    let client: KubeClient = try await person.access().everyCenter()
    let targets: [ProbeTarget] = probe.compactMap { ProbeTarget($0) }
    let hosts: [CenterName: [HostName]] = Dictionary(grouping: targets, by: \.center).mapValues { $0.map(\.name) }
    let reporter = VantageReporter(
      client: client, probe: try DataPathProbe(targets, authority: ca), hosts: hosts,
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
