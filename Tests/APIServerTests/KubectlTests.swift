import Foundation
import HTTP
import KubeModel
import Keyspace
import Logging
import Primitives
import Processes
import TLS
import Testing

@testable import APIServer

/// A server over HTTPS with certificates of its own, and a kubectl that uses it.
struct KubectlServer {
  let folder: String
  let port: Int

  static let program: String? = findProgram("kubectl")

  static func run(_ body: (KubectlServer) async throws -> Void) async throws {
    let folder: String = NSTemporaryDirectory() + "apiserver-\(UInt64.random(in: 0...UInt64.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var quiet = Logger(label: "test")
    quiet.logLevel = .critical
    let now: WallTime = SystemClock().wall()
    let authority = try CertificateAuthority.create(commonName: "test authority", lifetime: .seconds(3600), now: now)
    var leaf = LeafDescription(commonName: "apiserver")
    leaf.addresses = ["127.0.0.1"]
    let admin: TLSIdentity = try authority.issue(LeafDescription(commonName: "admin", organizations: ["system:masters"]), now: now)
    try admin.write(certificateFile: folder + "/admin.pem", keyFile: folder + "/admin.key")
    let context = try TLSContext.server(
      identity: .fixed(try authority.issue(leaf, now: now)), trust: .fixed(authority.trust),
      applicationProtocols: HTTPServerConfiguration.applicationProtocols, logger: quiet)
    let api = APIServer(
      configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1, logger: quiet), store: LocalKeyspace())
    let http = HTTPServer(
      HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), tls: context, logger: quiet, grace: .milliseconds(50)), responder: api)
    try await api.start()
    try await http.start()
    let port: Int = try #require(http.port)
    let config: String = Kubeconfig.text(
      cluster: "bank", server: "https://127.0.0.1:\(port)", ca: Bytes(authority.certificate.pem), cert: try read(folder + "/admin.pem"),
      key: try read(folder + "/admin.key"))
    try SecretFile.write(Bytes(config), to: folder + "/kubeconfig", mode: 0o600)
    do { try await body(KubectlServer(folder: folder, port: port)) } catch { Issue.record(error) }
    api.stop()
    await http.shutdown()
  }

  private static func read(_ path: String) throws -> Bytes { Bytes(try Data(contentsOf: URL(fileURLWithPath: path))) }

  func kubectl(_ arguments: String..., input: String = "") async throws -> (status: Int32, output: String, errors: String) {
    var command = Command([Self.program ?? "kubectl"] + arguments, input: Bytes(input), timeout: .seconds(30))
    command.environment = [
      "KUBECONFIG": folder + "/kubeconfig", "HOME": folder, "PATH": "/usr/bin:/bin", "KUBE_EDITOR": "sed -i s/one/two/",
    ]
    let outcome: Command.Outcome = try await command.outcome()
    return (outcome.status, outcome.output.text, outcome.errors.text)
  }
}
