import ArgumentParser
import Logging
import NIOPosix
import Observability
import Primitives
import SiteLink
import Site
import Store
import TLS

/// How commands that change who votes reach the members: over the link between centers, with the certificate of this host's store. Whoever
/// may read its key may give these orders.
struct StoreReach: ParsableArguments {
  @Option(help: "The site file.") var site: String
  @Option(help: "The folder that `tricenter pki init` made.") var pki: String
  @Option(help: "This host's name in the site file; its store's certificate is shown.") var host: String
  @Option(
    help: ArgumentHelp("Where a member's peers reach it, if not where the site file says. May be given again.", valueName: "name=host:port")
  )
  var endpoint: [String] = []

  func load() throws -> (site: Site, tool: RecoveryTool) {
    Logs.bootstrap(level: .error)
    let site: Site = try SiteReader.read(path: self.site)
    let name = HostName(host)
    guard let center: Center = site.center(of: name) else {
      throw ValidationError("\(self.site) has no host \(host); it has \(site.hosts.map(\.name.value).joined(separator: ", ")).")
    }
    var targets: [RecoveryTool.Target] = site.hosts.map { .init(name: $0.name, host: $0.address.description, port: site.ports.peer) }
    for text in endpoint {
      let parts: [Substring] = text.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let place = targets.firstIndex(where: { $0.name.value == parts[0] }),
        let colon = parts[1].lastIndex(of: ":"), let port = Int(parts[1][parts[1].index(after: colon)...]), (1...65_535).contains(port)
      else { throw ValidationError("--endpoint \(text) is not NAME=HOST:PORT with a host of \(self.site)") }
      targets[place].host = String(parts[1][..<colon])
      targets[place].port = port
    }
    let pki = FederationPKI(directory: pki)
    let files = pki.files(center: center.name, host: name, daemon: .store)
    let tls = try LinkTLS(
      certificateFile: files.certificate, keyFile: files.key, authorityFile: pki.authorityCertificate, logger: Logger(label: "sitelink"))
    return (site, RecoveryTool(targets: targets, tls: tls, eventLoop: MultiThreadedEventLoopGroup.singleton.next()))
  }

  func center(_ name: String, _ site: Site) throws -> CenterName {
    guard site.center(CenterName(name)) != nil else {
      throw ValidationError("\(self.site) has no center \(name); it has \(site.centers.map(\.name.value).joined(separator: ", ")).")
    }
    return CenterName(name)
  }
}

/// Says a refusal as one sentence.
func telling(_ body: () async throws -> Void) async throws {
  do { try await body() } catch let error as StoreError {
    printError(error.message)
    throw ExitCode(["refused", "unhealthy", "memberNotFound"].contains(error.code.name) ? 2 : 1)
  } catch let error as LinkError {
    printError(error.message)
    throw ExitCode(1)
  }
}
