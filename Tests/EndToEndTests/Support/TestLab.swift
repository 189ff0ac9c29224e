import Glibc
import KubeModel
import Primitives
import Processes
import Site

/// The executable under test: the one that was built beside the tests, or the one that TRICENTER_PROGRAM names.
enum Program {
  static let path: String = {
    if let named: String = ProcessEnvironment.current["TRICENTER_PROGRAM"], !named.isEmpty { return named }
    var buffer = [CChar](repeating: 0, count: 4_096)
    let count: Int = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let own = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own[..<(own.lastIndex(of: "/") ?? own.startIndex)] + "/tricenter"
  }()

  static let checkout: String = #filePath.replacing("/Tests/EndToEndTests/Support/TestLab.swift", with: "")
  static var siteFile: String { "\(checkout)/sites/lab/site.yaml" }
  /// Suites that take long run only when asked for: `Tests/run --drills`.
  static let runsDrills: Bool = ProcessEnvironment.current["TRICENTER_DRILLS"] == "1"
}

/// A lab in a machine of its own, as people use it: by the executable and by kubectl, etcdctl, dig and the like.
struct TestLab: Sendable {
  let machine: Machine
  var environment: [String: String] = [:]
  /// The user that runs everything; nil for root.
  var user: Int?
  var program: String = Program.path
  var siteFile: String = Program.siteFile
  /// The folder that the lab is made in; it may lie deeper for a user who owns nothing else.
  var home: String?

  var directory: String { "\(home ?? machine.folder)/lab" }
  var pki: String { "\(directory)/pki" }
  static let centers: [String] = ["production", "local-dr", "remote-dr"]

  private func asUser(_ words: [String]) -> [String] {
    user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] + words } ?? words
  }

  func tricenter(_ words: String..., timeout: Duration = .seconds(60)) async throws -> Said {
    try await machine.run(asUser([program] + words), environment: environment, timeout: timeout)
  }
  func start(_ words: String..., log: String) throws -> Background {
    try machine.start(asUser([program] + words), environment: environment, log: log)
  }

  /// A lease of the activation that a busy machine with a debug build keeps, in a site file of the tests' own. What the lease of
  /// `sites/lab/site.yaml` makes of a failover is for `Tests/run --drills`.
  mutating func becomePatient() throws {
    let lease = "activation: { lease: 2s, renewEvery: 200ms, margin: 400ms }"
    let text: String = readFile(siteFile)
    guard text.contains(lease) else { throw TestTrouble("\(siteFile) no longer says \(lease)") }
    siteFile = "\(machine.folder)/site.yaml"
    try writeFile(text.replacing(lease, with: "activation: { lease: 9s, renewEvery: 500ms, margin: 2s }"), to: siteFile)
  }

  func up() async throws -> Said {
    try await tricenter(
      "lab", "up", "--directory", directory, "--site", siteFile, "--timeout", "200", timeout: .seconds(300))
  }
  func down() async throws -> Said { try await tricenter("lab", "down", "--directory", directory, timeout: .seconds(120)) }
  func status() async throws -> JSONValue {
    try JSONValue.parse(Bytes(try await tricenter("lab", "status", "--directory", directory, "--output", "json").passed().output))
  }
  func link(_ words: String...) async throws -> Said {
    try await machine.run([program, "lab", "link", "--directory", directory] + words)
  }

  /// Any command as this lab's user, on a host's network or on the machine's.
  func run(_ words: [String], on host: String? = nil, input: String = "", timeout: Duration = .seconds(60)) async throws -> Said {
    try await machine.run(asUser(words), on: host, input: input, environment: environment, timeout: timeout)
  }

  private func kubeEnvironment(_ center: String?) -> [String: String] {
    environment.merging(["KUBECONFIG": center.map { "\(directory)/kubeconfig-\($0)" } ?? "\(directory)/kubeconfig"]) { _, new in new }
  }

  /// A stock kubectl, as a person on this machine uses it; `center` asks that center's apiserver. Words are split at spaces.
  func kubectl(
    _ line: String, _ more: String..., center: String? = nil, input: String = "", environment: [String: String] = [:]
  ) async throws -> Said {
    let words: [String] = ["kubectl"] + line.split(separator: " ").map(String.init) + more
    let all: [String: String] = kubeEnvironment(center).merging(environment) { _, new in new }
    // kubectl takes what begins with a brace for JSON.
    let document: String = input.hasPrefix("{") && !input.hasPrefix("{\"") ? "---\n\(input)" : input
    return try await machine.run(asUser(words), input: document, environment: all, timeout: .seconds(180))
  }
  func startKubectl(_ line: String, center: String? = nil, log: String) throws -> Background {
    try machine.start(["kubectl"] + line.split(separator: " ").map(String.init), environment: kubeEnvironment(center), log: log)
  }

  static let address: [String: String] = [
    "prod-1": "10.71.0.11", "prod-2": "10.71.0.12", "ldr-1": "10.72.0.11", "ldr-2": "10.72.0.12", "rdr-1": "10.73.0.11",
    "branch": "10.79.0.11",
  ]
  static let hosts: [String] = ["prod-1", "prod-2", "ldr-1", "ldr-2", "rdr-1"]

  func etcdctlWords(_ hosts: [String]) -> [String] {
    let endpoints: String = hosts.map { "https://\(Self.address[$0] ?? $0):2379" }.joined(separator: ",")
    return [
      "etcdctl", "--endpoints", endpoints, "--cacert", "\(pki)/ca.pem", "--cert", "\(pki)/people/admin.pem", "--key",
      "\(pki)/people/admin.key",
    ]
  }
  /// Debian's etcdctl on the branch, against these hosts' members.
  func etcdctl(_ hosts: [String], _ words: String..., input: String = "") async throws -> Said {
    try await machine.run(etcdctlWords(hosts) + words, on: "branch", input: input, environment: ["ETCDCTL_API": "3"])
  }

  /// The center that is active now, as the activation lease in the store has it.
  func activeCenter() async throws -> String {
    try await kubectl("-n tricenter-system get lease activation-bank -o jsonpath={.spec.holderIdentity}").passed().text
  }

  /// A planned move home if a test before left the cluster elsewhere, and the workload of the drills available there.
  func home() async throws {
    try await eventually("the activation can be read") { try await kubectl("-n tricenter-system get lease activation-bank").status == 0 }
    if try await activeCenter() != "production" {
      let move = """
        {"apiVersion":"federation.tricenter.io/v1","kind":"Failover","metadata":{"generateName":"test-home-"},
        "spec":{"cluster":"bank","to":"production","kind":"planned","reason":"a test begins at home"}}
        """
      try await kubectl("create -f -", input: move).passed()
      try await eventually("production is active") { try await activeCenter() == "production" }
    }
    try await kubectl("apply -f \(Program.checkout)/runbooks/workloads/shop-web.yaml").passed()
    try await kubectl("-n shop rollout status deployment/web --timeout=150s").passed()
  }

  /// The host's number of a daemon: `center` or `node` of a host, as the lab started it.
  func daemon(_ verb: String, _ host: String) -> pid_t? {
    machine.processes().first { process in
      let words: [Substring] = process.words.split(separator: " ")
      return words.count > 1 && words[0].hasSuffix("/tricenter") && words[1] == verb && process.words.contains(" --host \(host) ")
    }?.pid
  }
  func log(_ name: String) -> String { readFile("\(directory)/logs/\(name).log") }

  /// What the daemons said last, for a test that failed.
  func lastWords() -> String {
    entries("\(directory)/logs").map { "---- \($0)\n\(readFile("\(directory)/logs/\($0)").suffix(1_500))" }.joined(separator: "\n")
  }
}
