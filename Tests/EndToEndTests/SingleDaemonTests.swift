import Glibc
import Primitives
import Processes
import Synchronization
import Testing

/// Daemons as processes of their own on loopback addresses, with certificates that `tricenter pki` made.
final class DaemonBench: Sendable {
  let folder: String
  /// Second number of every address here, so that runs beside each other do not meet.
  let net: Int
  var host: String { "127.\(net).0.11" }
  private let children: Mutex<[pid_t]> = Mutex([])
  /// In local-dr, beside ldr-1, after a comma.
  private let moreHosts: String

  /// The executable lies beside the tests' own.
  static let program: String? = {
    var buffer = [CChar](repeating: 0, count: 4_096)
    let length: Int = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    guard length > 0 else { return nil }
    let own = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let candidate: String = own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/tricenter"
    return access(candidate, X_OK) == 0 ? candidate : nil
  }()

  static let obstacle: String? = {
    if program == nil { return "the executable tricenter is not built beside the tests" }
    for program in ["kubectl", "dig", "curl"] where findProgram(program) == nil { return "these tests need \(program)" }
    return nil
  }()

  init(net offset: Int, moreHosts: (Int) -> String) throws {
    net = 20 + offset + Int(getpid()) % 45
    self.moreHosts = moreHosts(net)
    folder = "/tmp/tricenter-daemons-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    guard mkdir(folder, 0o700) == 0 else { throw ProcessError(.failed, "cannot make \(folder)") }
  }

  /// Suites run beside each other: each has an offset of its own, 0 or 45.
  static func run(
    net offset: Int = 0, moreHosts: (Int) -> String = { _ in "" }, _ body: (DaemonBench) async throws -> Void
  ) async throws {
    let bench = try DaemonBench(net: offset, moreHosts: moreHosts)
    defer { bench.tearDown() }
    do {
      try write(bench.site, to: bench.siteFile)
      try await bench.tricenter("pki", "init", "--site", bench.siteFile, "--directory", bench.pki)
      try await body(bench)
    } catch {
      Issue.record(error)
      for name in bench.logs { print("---- \(name)\n\(bench.tail(name))") }
    }
  }

  private func tearDown() {
    let pids: [pid_t] = children.withLock { $0 }
    for pid in pids { kill(pid, SIGKILL) }
    for pid in pids { while waitpid(pid, nil, 0) < 0, errno == EINTR {} }
    _ = try? Command("rm", "-rf", folder).runBlocking()
  }

  var siteFile: String { "\(folder)/site.yaml" }
  var pki: String { "\(folder)/pki" }
  var common: [String] { ["--site", siteFile, "--pki", pki, "--host", "prod-1"] }
  private var logs: [String] {
    ((try? Command("ls", folder).runBlocking().output.text) ?? "").split(separator: "\n").map(String.init).filter { $0.hasSuffix(".log") }
  }
  private func tail(_ name: String) -> String { (try? Command("tail", "-n", "15", "\(folder)/\(name)").runBlocking().output.text) ?? "" }
  func log(_ name: String) -> String { (try? Command("cat", "\(folder)/\(name).log").runBlocking().output.text) ?? "" }

  private var site: String {
    """
    federation: single
    zone: tricenter.test
    cities: [east, west]
    centers:
      - { name: production, role: production, city: east, network: 127.\(net).0.0/24, hosts: [{ name: prod-1, address: 127.\(net).0.11, pods: 127.\(net).100.0/24 }] }
      - { name: local-dr, role: local-dr, city: east, network: 127.\(net).1.0/24, hosts: [{ name: ldr-1, address: 127.\(net).1.11, pods: 127.\(net).101.0/24 }\(moreHosts)] }
      - { name: remote-dr, role: remote-dr, city: west, network: 127.\(net).2.0/24, hosts: [{ name: rdr-1, address: 127.\(net).2.11, pods: 127.\(net).102.0/24 }] }
    clusters:
      - { name: bank, services: 127.\(net).128.0/20, nodePorts: 30000-32767, centers: [production, local-dr, remote-dr], failover: { automaticTo: [local-dr] } }
    ports: { dns: 5353 }
    lab: { loopback: true, branch: { name: branch, network: 127.\(net).3.0/24, address: 127.\(net).3.11 } }

    """
  }

  private static func write(_ text: String, to path: String) throws {
    guard let file: UnsafeMutablePointer<FILE> = fopen(path, "w") else { throw ProcessError(.failed, "cannot write \(path)") }
    fputs(text, file)
    fclose(file)
  }

  @discardableResult func tricenter(_ arguments: String...) async throws -> String {
    try await Command([Self.program ?? "tricenter"] + arguments).run()
  }

  @discardableResult
  func start(_ name: String, _ arguments: [String]) throws -> pid_t {
    let pid: pid_t = try startDetached(arguments, log: "\(folder)/\(name).log")
    children.withLock { $0.append(pid) }
    return pid
  }

  func daemon(_ name: String, _ arguments: String...) throws {
    try start(name, [Self.program ?? "tricenter", name] + common + arguments)
  }

  /// A member of a store, told by etcd's flags; `members` is `--initial-cluster`.
  @discardableResult
  func store(
    _ log: String, as member: String? = nil, center: String, address: String, members: String = "", more: [String] = []
  ) throws -> pid_t {
    let name: String = member ?? log
    let files = "\(pki)/\(center)/\(name)/store"
    var arguments: [String] = [Self.program ?? "tricenter", "store", "--name", name, "--data-dir", "\(folder)/\(name).etcd"]
    arguments += ["--listen-client-urls", "https://\(address):2379", "--advertise-client-urls=https://\(address):2379"]
    arguments += ["--cert-file", "\(files).pem", "--key-file", "\(files).key", "--trusted-ca-file", "\(pki)/ca.pem", "--client-cert-auth"]
    if !members.isEmpty {
      arguments += ["--initial-cluster", members, "--listen-peer-urls", "https://\(address):2380", "--site", siteFile]
      arguments += ["--peer-cert-file", "\(files).pem", "--peer-key-file", "\(files).key", "--peer-trusted-ca-file", "\(pki)/ca.pem"]
      arguments += ["--initial-advertise-peer-urls", "https://\(address):2380", "--peer-client-cert-auth=true"]
    }
    return try start("store-\(log)", arguments + more)
  }

  func until(_ what: String, within: Duration = .seconds(180), _ condition: () async throws -> Bool) async throws {
    let start: ContinuousClock.Instant = .now
    while try await !condition() {
      guard ContinuousClock.now - start < within else { throw ProcessError(.timeout, "never happened: \(what)") }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  func kubectl(_ arguments: String..., input: String = "") async throws -> String {
    var command = Command(["kubectl"] + arguments, input: Bytes(input), timeout: .seconds(180))
    command.environment = ["KUBECONFIG": "\(folder)/kubeconfig", "HOME": folder, "PATH": "/usr/bin:/bin"]
    return try await command.run()
  }

  func makeKubeconfig() async throws {
    try await tricenter(
      "pki", "kubeconfig", "--directory", pki, "--cluster", "bank", "--server", "https://\(host):6443", "--file", "\(folder)/kubeconfig")
  }

  func get(_ port: Int, _ path: String, host: String? = nil) async throws -> String {
    let host: String = host ?? self.host
    let person = "\(pki)/people/admin"
    return try await Command(
      "curl", "-sS", "--max-time", "20", "--cacert", "\(pki)/ca.pem", "--cert", "\(person).pem", "--key", "\(person).key",
      "https://\(host):\(port)\(path)"
    ).outcome().output.text
  }

  func etcdctl(_ endpoints: String, input: String = "", _ arguments: String...) async throws -> Command.Outcome {
    let person = "\(pki)/people/admin"
    var command = Command(
      ["etcdctl", "--endpoints", endpoints, "--cacert", "\(pki)/ca.pem", "--cert", "\(person).pem", "--key", "\(person).key"] + arguments,
      input: Bytes(input), timeout: .seconds(60))
    command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
    return try await command.outcome()
  }

  static let web: String = """
    apiVersion: v1
    kind: Namespace
    metadata: {name: shop}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: shop}
    spec:
      replicas: 3
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: "tricenter.local/web:1"}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop}
    spec:
      selector: {app: web}
      ports: [{port: 80, targetPort: 8080}]

    """
}

@Suite(.enabled(if: DaemonBench.obstacle == nil, "\(DaemonBench.obstacle ?? "")")) struct SingleDaemonTests {
  /// Nine processes, each with one subcommand: what `tricenter center` and `tricenter node` do in two.
  @Test func everyDaemonRunsAlone() async throws {
    try await DaemonBench.run { bench in
      try bench.store("prod-1", center: "production", address: bench.host)
      try await bench.until("the store is ready") { bench.log("store-prod-1").contains("ready to serve client requests") }
      try bench.daemon("apiserver", "--etcd-servers", "https://\(bench.host):2379")
      try await bench.makeKubeconfig()
      try bench.daemon("federation")
      try bench.daemon("controller-manager", "--kubeconfig", "\(bench.folder)/kubeconfig")
      try bench.daemon("scheduler")
      try bench.daemon("dns")
      try bench.daemon("kubelet", "--runtime", "simulated", "--root", "\(bench.folder)/node")
      try bench.daemon("proxy", "--runtime", "simulated")
      try await bench.until("the apiserver is ready") { try await bench.get(9_092, "/readyz") == "ok" }
      try await bench.until("the node is there") { (try? await bench.kubectl("get", "node", "prod-1")) != nil }
      _ = try await bench.kubectl("apply", "-f", "-", input: DaemonBench.web)
      _ = try await bench.kubectl("-n", "shop", "rollout", "status", "deployment/web", "--timeout=170s")
      let nodes: String = try await bench.kubectl("-n", "shop", "get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}")
      #expect(nodes == "prod-1 prod-1 prod-1")
      let clusterIP: String = try await bench.kubectl("-n", "shop", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
      try await bench.until("the Service resolves") {
        let answer: Command.Outcome = try await Command(
          "dig", "+short", "+time=2", "+tries=1", "@\(bench.host)", "-p", "5353", "web.shop.svc.cluster.local", "A"
        ).outcome()
        return answer.output.text.trimmingEnd == clusterIP
      }
      let global: String = try await Command(
        "dig", "+short", "+time=2", "@\(bench.host)", "-p", "5353", "web.shop.bank.tricenter.test", "A"
      ).run().trimmingEnd
      #expect(global == bench.host)
      // The API by its Service, through the proxy, as a pod reaches it; its certificate carries that address.
      let api: String = try await bench.kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
      try await bench.until("the API is reached by its Service") { try await bench.get(443, "/readyz", host: api) == "ok" }
      #expect(try await bench.kubectl("get", "endpoints", "kubernetes", "-o", "jsonpath={.subsets[*].addresses[*].ip}") == bench.host)
      // Every daemon tells about itself on a port of its own.
      for (name, port) in [
        ("controller-manager", 10_257), ("scheduler", 10_259), ("dns", 9_153), ("federation", 9_091), ("kubelet", 10_248),
        ("proxy", 10_249),
      ] {
        #expect(try await bench.get(port, "/livez") == "ok", "\(name)")
        try await bench.until("\(name) is ready") { try await bench.get(port, "/readyz") == "ok" }
        #expect(try await bench.get(port, "/metrics").contains("# TYPE"), "\(name)")
        #expect(bench.log(name).contains("center=production"), "\(name) logs with fields")
      }
    }
  }

  /// The same apiserver on an etcd that is not ours.
  @Test(.enabled(if: findProgram("etcd") != nil, "no etcd in PATH")) func theAPIServerStoresInDebiansEtcd() async throws {
    try await DaemonBench.run { bench in
      let url = "http://\(bench.host):12379"
      try bench.start(
        "etcd",
        [
          "etcd", "--data-dir", "\(bench.folder)/etcd", "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls",
          "http://\(bench.host):12380", "--initial-advertise-peer-urls", "http://\(bench.host):12380", "--initial-cluster",
          "default=http://\(bench.host):12380",
        ])
      try bench.daemon("apiserver", "--etcd-servers", url)
      try await bench.makeKubeconfig()
      try await bench.until("the apiserver is ready") { try await bench.get(9_092, "/readyz") == "ok" }
      _ = try await bench.kubectl("apply", "-f", "-", input: DaemonBench.web)
      let names: String = try await bench.kubectl("-n", "shop", "get", "deployments,services", "-o", "name")
      #expect(names.contains("deployment.apps/web") && names.contains("service/web"))
      var command = Command("etcdctl", "--endpoints", url, "get", "--prefix", "/registry/apps/deployments/", "--keys-only")
      command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
      #expect(try await command.run().contains("/shop/web"))
    }
  }

  /// Three members started by etcd's flags; any one may die.
  @Test(.enabled(if: findProgram("etcdctl") != nil, "no etcdctl in PATH")) func aStaticClusterIsStartedByEtcdsFlags() async throws {
    try await DaemonBench.run { bench in
      let places: [(name: String, center: String, address: String)] = [
        ("prod-1", "production", "127.\(bench.net).0.11"), ("ldr-1", "local-dr", "127.\(bench.net).1.11"),
        ("rdr-1", "remote-dr", "127.\(bench.net).2.11"),
      ]
      let members: String = places.map { "\($0.name)=https://\($0.address):2380" }.joined(separator: ",")
      let pids: [pid_t] = try places.map { try bench.store($0.name, center: $0.center, address: $0.address, members: members) }
      for place in places {
        try await bench.until("\(place.name) is ready") { bench.log("store-\(place.name)").contains("ready to serve client requests") }
      }
      let all: String = places.map { "https://\($0.address):2379" }.joined(separator: ",")
      #expect(try await bench.etcdctl(all, "put", "a", "1").output.text.contains("OK"))
      let list: String = try await bench.etcdctl(all, "member", "list").output.text
      #expect(places.allSatisfy { list.contains($0.name) })
      kill(pids[0], SIGKILL)
      let rest: String = places.dropFirst().map { "https://\($0.address):2379" }.joined(separator: ",")
      try await bench.until("the others go on") { try await bench.etcdctl(rest, "put", "a", "2").output.text.contains("OK") }
      #expect(try await bench.etcdctl(rest, "get", "a").output.text == "a\n2\n")
    }
  }

  @Test func whatTheStoreDoesNotCarryOutIsRefusedByName() async throws {
    let program: String = DaemonBench.program ?? "tricenter"
    func refusal(_ arguments: String..., environment: [String: String] = [:]) async throws -> (Int32, String) {
      var command = Command([program, "store"] + arguments)
      command.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { one, _ in one }
      let outcome: Command.Outcome = try await command.outcome()
      return (outcome.status, outcome.errors.text)
    }
    let (status, text) = try await refusal("--experimental-corrupt-check-time", "5m", "--max-request-bytes=8589934592", "-discovery", "x")
    #expect(status == 2)
    #expect(text.contains("--experimental-corrupt-check-time=5m is not carried out"))
    #expect(text.contains("--discovery is not carried out"))
    #expect(try await refusal("--max-request-bytes=8589934592").1.contains("must be a number from 1 to 5242880"))
    #expect(try await refusal(environment: ["ETCD_ENABLE_V2": "true"]).1.contains("--enable-v2=true is not carried out"))
    #expect(try await refusal("--listen-client-urls", "https://127.0.0.1:1").1.contains("--cert-file"))
    #expect(try await refusal("--name", "x", "--initial-cluster", "y=http://127.0.0.1:1").1.contains("couldn't find local name"))
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text: Substring = self[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
