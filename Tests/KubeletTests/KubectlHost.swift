import APIServer
import HTTP
import KubeClient
import Keyspace
import Logging
import Observability
import Primitives
import Processes
import TLS

@testable import Kubelet

/// Everything between a kubectl and a kubelet, with certificates of its own: the apiserver over HTTPS, and the kubelet's server, which
/// takes the apiserver's certificate and no other.
struct KubectlHost {
  static let program: String? = findProgram("kubectl")

  let cluster: TestCluster
  let folder: String
  let authority: CertificateAuthority
  private let apiserver: HTTPServer
  private let quiet: Logger

  /// `address`: where both listen.
  init(folder: String, address: String) async throws {
    self.folder = folder
    var quiet = Logger(label: "test")
    quiet.logLevel = .critical
    self.quiet = quiet
    try Files.makeDirectory(folder, mode: 0o700)
    let now: WallTime = SystemClock().wall()
    authority = try CertificateAuthority.create(commonName: "test authority", lifetime: .seconds(3_600), now: now)
    let kubelets = try TLSContext.client(
      identity: .fixed(
        try authority.issue(LeafDescription(commonName: "system:apiserver", organizations: ["system:masters"]), now: now)),
      trust: .fixed(authority.trust), applicationProtocols: ["http/1.1"], logger: quiet)
    cluster = try await TestCluster(kubeletTLS: kubelets)
    apiserver = HTTPServer(
      HTTPServerConfiguration(
        address: .host(address, port: 0), tls: try Self.server(authority, "apiserver", address, quiet), logger: quiet,
        grace: .milliseconds(50)), responder: cluster.server)
    try await apiserver.start()
    let admin: TLSIdentity = try authority.issue(LeafDescription(commonName: "admin", organizations: ["system:masters"]), now: now)
    try admin.write(certificateFile: "\(folder)/admin.pem", keyFile: "\(folder)/admin.key")
    let config: String = Kubeconfig.text(
      cluster: "bank", server: "https://\(address):\(apiserver.port ?? 0)", ca: Bytes(authority.certificate.pem),
      cert: Files.read("\(folder)/admin.pem", limit: 1 << 16) ?? [], key: Files.read("\(folder)/admin.key", limit: 1 << 16) ?? [])
    try SecretFile.write(Bytes(config), to: "\(folder)/kubeconfig", mode: 0o600)
  }

  private static func server(
    _ authority: CertificateAuthority, _ name: String, _ address: String, _ logger: Logger
  ) throws -> TLSContext {
    var leaf = LeafDescription(commonName: name)
    leaf.addresses = [address]
    return try TLSContext.server(
      identity: .fixed(try authority.issue(leaf, now: SystemClock().wall())), trust: .fixed(authority.trust),
      applicationProtocols: HTTPServerConfiguration.applicationProtocols, logger: logger)
  }

  /// The kubelet's server; to be shut down.
  func serve(_ kubelet: Kubelet, _ address: String, _ port: Int) async throws -> HTTPServer {
    let server = HTTPServer(
      HTTPServerConfiguration(
        address: .host(address, port: port), tls: try Self.server(authority, "system:node:prod-1", address, quiet), logger: quiet,
        grace: .milliseconds(50)), responder: KubeletResponder(kubelet: kubelet, health: HealthRegistry()))
    try await server.start()
    return server
  }

  func end() async {
    cluster.server.stop()
    await apiserver.shutdown()
  }

  var environment: [String: String] { ["KUBECONFIG": "\(folder)/kubeconfig", "HOME": folder, "PATH": "/usr/bin:/bin"] }

  /// The words after `kubectl -n shop`; its output and what it ended with.
  func kubectl(
    _ words: [String], input: String = "", spdy: Bool = false, timeout: Duration = .seconds(30)
  ) async throws -> (status: Int32, output: String, errors: String) {
    var command = Command([Self.program ?? "kubectl", "-n", "shop"] + words, input: Bytes(input), timeout: timeout)
    command.environment = environment
    if spdy { command.environment?["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = "false" }
    if spdy { command.environment?["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false" }
    let outcome: Command.Outcome = try await command.outcome()
    return (outcome.status, outcome.output.text, outcome.errors.text)
  }
}
