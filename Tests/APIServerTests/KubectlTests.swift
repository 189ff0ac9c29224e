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

  /// `one` becomes `two` in whatever is edited.
  func kubectl(_ arguments: [String], input: String = "") async throws -> (status: Int32, output: String, errors: String) {
    var command = Command([Self.program ?? "kubectl"] + arguments, input: Bytes(input), timeout: .seconds(30))
    command.environment = [
      "KUBECONFIG": folder + "/kubeconfig", "HOME": folder, "PATH": "/usr/bin:/bin", "KUBE_EDITOR": "sed -i s/one/two/",
    ]
    let outcome: Command.Outcome = try await command.outcome()
    return (outcome.status, outcome.output.text, outcome.errors.text)
  }
}

@Suite("A stock kubectl", .enabled(if: KubectlServer.program != nil, "no kubectl in PATH")) struct KubectlTests {
  static let web: String = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, labels: {app: web}}
    spec:
      replicas: 3
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec:
          containers:
          - {name: web, image: "shop/web:1", ports: [{containerPort: 80}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    """

  private func expect(_ server: KubectlServer, _ line: String, input: String = "", says text: String, status: Int32 = 0) async throws {
    let arguments: [String] = line.split(separator: " ").map(String.init)
    let outcome = try await server.kubectl(arguments, input: input)
    #expect(outcome.status == status, "kubectl \(line): \(outcome.errors)")
    #expect((outcome.output + outcome.errors).contains(text), "kubectl \(line) said: \(outcome.output)\(outcome.errors)")
  }

  @Test("applies, shows, changes and deletes") func wholeWay() async throws {
    try await KubectlServer.run { (server: KubectlServer) async throws in
      try await expect(server, "apply -f -", input: Self.web, says: "deployment.apps/web created")
      try await expect(server, "apply -f -", input: Self.web, says: "deployment.apps/web unchanged")
      try await expect(server, "apply --server-side -f -", input: Self.web, says: "service/web serverside-applied")
      try await expect(server, "get deploy,svc -o wide", says: "NodePort")
      try await expect(server, "get deploy web -o yaml", says: "progressDeadlineSeconds: 600")
      try await expect(server, "get deploy web -o json", says: "\"generation\": 1")
      try await expect(server, "get deploy -o name", says: "deployment.apps/web")
      try await expect(server, "scale deploy web --replicas=5", says: "scaled")
      try await expect(server, "wait --for=jsonpath={.spec.replicas}=5 deploy/web --timeout=10s", says: "condition met")
      try await expect(server, "label deploy web a=one", says: "labeled")
      try await expect(server, "annotate deploy web b=c", says: "annotated")
      try await expect(server, "edit deploy web", says: "edited")
      try await expect(server, "get deploy -l a=two", says: "web")
      try await expect(server, "set image deploy/web web=shop/web:2", says: "image updated")
      try await expect(server, "describe deploy web", says: "5 desired")
      try await expect(server, "rollout status deploy web --timeout=1s", says: "timed out", status: 1)
      try await expect(server, "patch deploy web -p {\"spec\":{\"paused\":true}}", says: "patched")
      try await expect(server, "delete deploy,svc web", says: "service \"web\" deleted")
      try await expect(server, "get deploy", says: "No resources found")
    }
  }

  @Test("creates by its own commands, which speak protobuf") func create() async throws {
    try await KubectlServer.run { (server: KubectlServer) async throws in
      try await expect(server, "create ns shop", says: "namespace/shop created")
      try await expect(server, "create deployment web --image=shop/web:1 --replicas=0 -n shop", says: "created")
      try await expect(server, "get deploy web -n shop -o jsonpath={.spec.replicas}", says: "0")
      try await expect(server, "create configmap c --from-literal=a=b -n shop", says: "created")
      try await expect(server, "get cm c -n shop -o jsonpath={.data.a}", says: "b")
      try await expect(server, "create secret generic s --from-literal=p=q -n shop", says: "created")
      try await expect(server, "get secret s -n shop -o jsonpath={.data.p}", says: "cQ==")
      try await expect(server, "run p --image=shop/web:1 -n shop", says: "pod/p created")
      try await expect(server, "auth can-i delete pods", says: "yes")
      try await expect(server, "auth whoami", says: "admin")
    }
  }

  @Test("learns what there is") func discovery() async throws {
    try await KubectlServer.run { (server: KubectlServer) async throws in
      try await expect(server, "version", says: "v1.36.0+tricenter")
      try await expect(server, "api-resources", says: "federation.tricenter.io/v1")
      try await expect(server, "explain pod.spec.containers", says: "<[]Container>")
      try await expect(server, "explain cluster.spec", says: "ClusterSpec")
      try await expect(server, "get --raw /readyz?verbose", says: "readyz check passed")
      try await expect(server, "apply -f -", input: Self.web.replacing("replicas", with: "replicaz"), says: "unknown field", status: 1)
      try await expect(server, "get pods -A", says: "No resources found")
    }
  }
}
