import Federation
import HTTP
import HTTPTypes
import NIOPosix
import Primitives
import Site
import TLS

/// Asks hosts for their role at `/active`, over connections that stay.
struct RoleProbe: PeerProbe {
  private let clients: [HostName: HTTPClient]

  /// - Parameter hosts: those that will be asked.
  init(site: Site, hosts: [Host], authority: String, group: MultiThreadedEventLoopGroup, patience: Duration = .milliseconds(500)) throws {
    let tls = try TLSContext.client(
      identity: nil, trust: .file(authority), applicationProtocols: HTTPServerConfiguration.applicationProtocols)
    var clients: [HostName: HTTPClient] = [:]
    for host in hosts {
      var configuration = HTTPClientConfiguration(targets: [.host(host.address.description, port: site.ports.role)], tls: tls, group: group)
      configuration.connectTimeout = patience
      configuration.responseTimeout = patience
      configuration.keepAliveInterval = .milliseconds(300)
      configuration.keepAliveTimeout = patience
      clients[host.name] = HTTPClient(configuration)
    }
    self.clients = clients
  }

  func ask(_ host: HostName) async -> ProbeAnswer {
    guard let client: HTTPClient = clients[host] else { return .silent("nobody knows how to reach it") }
    do {
      let request = HTTPRequest(method: .head, scheme: "https", authority: host.value, path: "/active")
      let response: ClientResponse = try await client.execute(request, body: nil)
      while try await response.body.next() != nil {}
      switch response.head.status {
      case .ok: return .active
      case .serviceUnavailable: return .standby
      default: return .silent("HTTP \(response.head.status.code)")
      }
    } catch let error as HTTPError {
      return .silent(error.message)
    } catch {
      return .silent("\(error)")
    }
  }
}
