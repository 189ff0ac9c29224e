import ArgumentParser
import Federation
import HTTP
import Logging
import NIOPosix
import Observability
import Primitives
import TLS

/// What the commands of single daemons have in common beyond `DaemonOptions`.
struct APIOptions: ParsableArguments {
  @Option(help: "Reach the API as this kubeconfig says, instead of with the host's certificate at the site's apiservers.")
  var kubeconfig: String?
}

/// One daemon as a process of its own: its part of the work, and an admin port of its own.
struct SingleDaemon: Sendable {
  let name: String
  let setting: HostSetting
  let certificate: PKIDaemon
  let adminPort: Int
  let health = HealthRegistry()
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

  init(_ name: String, _ setting: HostSetting, certificate: PKIDaemon, adminPort: Int) {
    self.name = name
    self.setting = setting
    self.certificate = certificate
    self.adminPort = adminPort
  }

  func access(_ options: APIOptions) throws -> APIAccess {
    guard let path: String = options.kubeconfig else { return .remote(setting, certificate: certificate, group: group) }
    return try .kubeconfig(KubeconfigFile(path: path), group: group)
  }

  func control(_ access: APIAccess) -> ControlDaemons {
    ControlDaemons(setting: setting, access: access, health: health, group: group)
  }

  /// Runs `daemons` beside the admin listener (`/metrics`, `/livez`, `/readyz`; `next` answers the rest).
  func run(_ daemons: [Daemon], next: (any Responder)? = nil) async throws {
    let admin = HTTPServer(
      HTTPServerConfiguration(address: .host(setting.address, port: adminPort), tls: try setting.serverTLS(certificate), group: group),
      responder: ObservabilityResponder(health: health, next: next))
    var logger = Logger(label: name)
    logger[metadataKey: "host"] = "\(setting.host.name)"
    logger[metadataKey: "center"] = "\(setting.center.name)"
    logger.notice("starting", metadata: ["cluster": "\(setting.cluster.name)", "admin": "https://\(setting.address):\(adminPort)"])
    let front: Daemon = ("admin", { try await admin.run() })
    try await runTogether([front] + daemons, host: setting.host.name)
  }

  /// Whether the activation can be read, as `/readyz` tells it.
  func watch(_ observer: ActivationObserver) -> Daemon {
    let lease: Duration = setting.site.activation.lease
    health.register("activation") {
      guard let read: MonotonicTime = observer.view.lastReadBegan else { return "the activation has not been read yet" }
      let age: Duration = SystemClock().now() - read
      return age < lease ? nil : "the activation has not been read for \(Int(age.inMilliseconds)) ms: is an apiserver reachable?"
    }
    return ("observer", { await observer.run() })
  }
}
