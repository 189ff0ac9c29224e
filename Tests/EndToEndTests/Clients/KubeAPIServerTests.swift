import Glibc
import Primitives
import Processes
import Synchronization
import Testing

/// A stock kube-apiserver (`TRICENTER_KUBE_APISERVER=PATH`) whose etcd is three of our members over TLS, driven with kubectl.
@Suite(.serialized, .enabled(if: KubeAPIServer.obstacle == nil, "\(KubeAPIServer.obstacle ?? "")"))
struct KubeAPIServerTests {
  @Test func `Kubernetes' own apiserver lists, watches and writes through the loss of our leader and a compaction`() async throws {
    try await PlainStores.run { stores in
      let cluster: ScriptedCluster = try await .start(stores, .certificates)
      let api = try await KubeAPIServer(stores, cluster)
      try await eventually("it is ready", within: .seconds(180)) { try await api.get("/readyz") == "ok" }

      #expect(try await api.kubectl("create", "namespace", "demo").contains("created"))
      #expect(try await api.kubectl("-n", "demo", "create", "deployment", "web", "--image=web", "--replicas=3").contains("created"))
      #expect(try await api.kubectl(input: Self.widgets, "apply", "-f", "-").contains("widgets.example.com created"))
      _ = try await api.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=60s")

      // A thousand objects, and our leader dies in the middle of them.
      try await api.createConfigMaps(0..<500)
      let gone: Int = try await cluster.killLeader()
      try await api.createConfigMaps(500..<1_000)
      try await cluster.restart(gone)

      // In pages of one revision, whatever is written meanwhile.
      let (first, token): (Int, String) = try await api.page("limit=300")
      #expect(first == 300 && !token.isEmpty)
      #expect(try await api.kubectl("-n", "demo", "patch", "cm", "cm-0999", "-p", #"{"data":{"v":"new"}}"#).contains("patched"))
      #expect(try await api.page("limit=300&continue=\(token)").count == 300)
      #expect(try await api.kubectl("-n", "demo", "get", "cm", "--chunk-size=100", "-o", "name").split(separator: "\n").count == 1_000)

      // A watch that stands while history is compacted away behind it.
      try api.watch("watch", "-n", "demo", "get", "cm", "-w", "-o", "name")
      try await eventually("the watch lists") { stores.log("watch").split(separator: "\n").count == 1_000 }
      let revision: String = try await cluster.revision()
      #expect(try await cluster.etcdctl("compact", revision, "--physical").contains("compacted revision \(revision)"))
      _ = try await api.kubectl("-n", "demo", "patch", "cm", "cm-0001", "-p", #"{"data":{"v":"after"}}"#)
      try await eventually("the watch goes on") { stores.log("watch").split(separator: "\n").count == 1_001 }
      // An old page is told that it is too old, as with etcd, and how to go on.
      let old: Command.Outcome = try await api.outcome(
        "get", "--raw", "/api/v1/namespaces/demo/configmaps?limit=300&resourceVersion=5&resourceVersionMatch=Exact")
      #expect(old.status != 0 && old.errors.text.contains("too old"))

      // Custom resources, deletion, namespaces.
      _ = try await api.kubectl(
        input: "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w1, namespace: demo}\nspec: {a: 1}\n", "apply", "-f", "-")
      #expect(try await api.kubectl("-n", "demo", "get", "widgets", "-o", "name") == "widget.example.com/w1\n")
      _ = try await api.kubectl("delete", "--raw", "/api/v1/namespaces/demo/configmaps")
      try await eventually("the watch hears of every deletion") { stores.log("watch").split(separator: "\n").count >= 2_001 }
      #expect(try await api.kubectl("-n", "demo", "get", "cm", "-o", "name").isEmpty)
      #expect(try await cluster.etcdctl("get", "--prefix", "--keys-only", "/registry/configmaps/demo/").isEmpty)
      #expect(try await api.kubectl("get", "--raw", "/readyz/etcd") == "ok")
      #expect(api.troubles() == [], "what its log says of etcd")
      let calls: [String] = try await cluster.calls()
      print("kube-apiserver's calls:\n\(calls.joined(separator: "\n"))")
      #expect(Set(calls).subtracting(KubeAPIServer.recordedCalls) == [], "calls that were never recorded before")
    }
  }

  private static let widgets: String = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: widgets.example.com}
    spec:
      group: example.com
      names: {plural: widgets, singular: widget, kind: Widget}
      scope: Namespaced
      versions:
      - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}

    """
}

extension ScriptedCluster {
  func revision() async throws -> String {
    let text: String = try await etcdctl("get", "x", "-w", "json")
    return text.split(separator: "\"revision\":").dropFirst().first.map { String($0.prefix { $0.isNumber }) } ?? ""
  }

  /// Which methods were called on any member, and how they ended, as the members count them.
  func calls() async throws -> [String] {
    var names: Set<String> = []
    for number in 0..<3 {
      let text: String = try await Command(["curl", "-sS"] + clientFlags + ["\(url(number))/metrics"]).outcome().output.text
      for line in text.split(separator: "\n") where line.hasPrefix("grpc_server_") && !line.hasSuffix(" 0") {
        func label(_ name: String) -> Substring { line.split(separator: "\(name)=\"").dropFirst().first?.prefix { $0 != "\"" } ?? "" }
        // etcdctl's and the gateway's own are this test's.
        if line.hasPrefix("grpc_server_handled_total"), label("grpc_type") == "unary" {
          names.insert("\(label("grpc_service")).\(label("grpc_method")) \(label("grpc_code"))")
        } else if line.hasPrefix("grpc_server_started_total"), label("grpc_type") != "unary" {
          names.insert("\(label("grpc_service")).\(label("grpc_method")) stream")
        }
      }
    }
    return names.sorted()
  }
}

/// Kubernetes' apiserver with certificates of its own for clients, and a token for kubectl.
final class KubeAPIServer: Sendable {
  /// What a kube-apiserver 1.36 asked of the store in this test's course, and how it was answered; etcdctl's compaction is among it.
  static let recordedCalls: Set<String> = [
    "etcdserverpb.KV.Compact OK", "etcdserverpb.KV.Range OK", "etcdserverpb.KV.Range OutOfRange", "etcdserverpb.KV.Range Unavailable",
    "etcdserverpb.KV.Range Canceled", "etcdserverpb.KV.Txn OK", "etcdserverpb.KV.Txn Unavailable", "etcdserverpb.Lease.LeaseGrant OK",
    "etcdserverpb.Maintenance.Status OK", "etcdserverpb.Watch.Watch stream",
  ]
  static let obstacle: String? = {
    guard let path: UnsafeMutablePointer<CChar> = getenv("TRICENTER_KUBE_APISERVER") else {
      return "TRICENTER_KUBE_APISERVER does not say where a kube-apiserver is"
    }
    guard access(path, X_OK) == 0 else { return "\(String(cString: path)) is no program" }
    return DaemonBench.obstacle
  }()

  private let stores: PlainStores
  private let address: String
  private static let token: String = "test-token"

  init(_ stores: PlainStores, _ cluster: ScriptedCluster) async throws {
    self.stores = stores
    address = stores.address()
    let folder: String = stores.folder
    _ = try await Command(["openssl", "genrsa", "-out", "\(folder)/sa.key", "2048"]).run()
    _ = try await Command(["openssl", "rsa", "-in", "\(folder)/sa.key", "-pubout", "-out", "\(folder)/sa.pub"]).run()
    try writeFile("\(Self.token),admin,1,system:masters\n", to: "\(folder)/tokens.csv", mode: 0o600)
    try writeFile(
      """
      apiVersion: v1
      kind: Config
      clusters: [{name: t, cluster: {server: "https://\(address):6443", insecure-skip-tls-verify: true}}]
      users: [{name: t, user: {token: \(Self.token)}}]
      contexts: [{name: t, context: {cluster: t, user: t}}]
      current-context: t

      """, to: "\(folder)/kubeconfig", mode: 0o600)
    try stores.launch(
      [
        String(cString: getenv("TRICENTER_KUBE_APISERVER")), "--etcd-servers=\(cluster.urls)", "--etcd-cafile=\(folder)/ca.pem",
        "--etcd-certfile=\(folder)/client.pem", "--etcd-keyfile=\(folder)/client.key", "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-key-file=\(folder)/sa.pub", "--service-account-signing-key-file=\(folder)/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC", "--token-auth-file=\(folder)/tokens.csv",
        "--cert-dir=\(folder)/certs", "--bind-address=\(address)", "--secure-port=6443", "--advertise-address=\(address)",
        "--endpoint-reconciler-type=none", "--etcd-compaction-interval=0",
      ], "kube-apiserver")
  }

  func get(_ path: String) async throws -> String {
    try await Command(
      ["curl", "-sk", "--max-time", "10", "-H", "Authorization: Bearer \(Self.token)", "https://\(address):6443\(path)"]
    ).outcome().output.text
  }

  func outcome(input: String = "", _ arguments: [String]) async throws -> Command.Outcome {
    var command = Command(["kubectl"] + arguments, input: Bytes(input), timeout: .seconds(180))
    command.environment = ["KUBECONFIG": "\(stores.folder)/kubeconfig", "HOME": stores.folder, "PATH": "/usr/bin:/bin"]
    return try await command.outcome()
  }
  func outcome(_ arguments: String...) async throws -> Command.Outcome { try await outcome(arguments) }

  func kubectl(input: String = "", _ arguments: String...) async throws -> String {
    let outcome: Command.Outcome = try await outcome(input: input, arguments)
    if outcome.status != 0 { throw TestTrouble("kubectl \(arguments.joined(separator: " ")): \(outcome.errors.text)") }
    return outcome.output.text
  }

  func watch(_ log: String, _ arguments: String...) throws {
    try stores.launch(["kubectl", "--kubeconfig", "\(stores.folder)/kubeconfig"] + arguments, log)
  }

  /// On a few connections, past kubectl's own brake. Each is sent again until it is there: a leader may die meanwhile.
  func createConfigMaps(_ numbers: Range<Int>) async throws {
    let configuration: String = numbers.map { number in
      let name: String = "cm-" + String(repeating: "0", count: 4 - "\(number)".count) + "\(number)"
      return """
        url = "https://\(address):6443/api/v1/namespaces/demo/configmaps"
        data = "{\\"metadata\\":{\\"name\\":\\"\(name)\\"},\\"data\\":{\\"v\\":\\"\(number)\\"}}"
        header = "Content-Type: application/json"
        header = "Authorization: Bearer \(Self.token)"
        insecure
        output = "/dev/null"
        write-out = "%{http_code}\\n"

        """
    }.joined(separator: "next\n")
    let (file, wanted): (String, Int) = ("\(stores.folder)/objects.curl", numbers.count)
    try writeFile(configuration, to: file)
    try await eventually("\(wanted) objects are there", within: .seconds(240), every: .seconds(1)) {
      let text: String = try await Command(["curl", "-s", "-K", file], timeout: .seconds(200)).outcome().output.text
      let statuses: [Substring] = text.split(separator: "\n")
      return statuses.count == wanted && statuses.allSatisfy { $0 == "201" || $0 == "409" }
    }
  }

  /// How many objects a page has, and where the next begins.
  func page(_ query: String) async throws -> (count: Int, token: String) {
    let text: String = try await kubectl("get", "--raw", "/api/v1/namespaces/demo/configmaps?\(query)")
    let token: Substring = text.split(separator: "\"continue\":\"").dropFirst().first?.prefix { $0 != "\"" } ?? ""
    return (text.split(separator: "\"name\":\"cm-").count - 1, String(token))
  }

  /// Lines of its log that tell of an etcd that did what etcd does not. While the leader is gone calls fail, as they do with etcd.
  func troubles() -> [String] {
    let expected: [String] = ["etcdserver: leader changed", "connection refused", "Unavailable", "context deadline exceeded", "EOF"]
    return stores.log("kube-apiserver").split(separator: "\n").map(String.init).filter { line in
      ["etcd", "rpc error"].contains { line.contains($0) } && [" E1", "^E1", " W1"].contains { line.contains($0) }
        && !expected.contains { line.contains($0) } && !line.contains("FLAG:")
    }
  }
}
