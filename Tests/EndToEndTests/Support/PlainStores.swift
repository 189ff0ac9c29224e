import Glibc
import Primitives
import Processes
import Synchronization
import Testing

/// Stores and etcds of a test's own, each on an address of its own.
final class PlainStores: Sendable {
  let folder: String
  private let net: Int = 100 + Int(getpid()) % 100
  private let state: Mutex<(pids: [pid_t], last: Int)> = Mutex(([], 10))
  private let program: String = DaemonBench.program ?? "tricenter"

  private init() throws { folder = try temporaryFolder() }

  static func run(_ body: (PlainStores) async throws -> Void) async throws {
    let stores = try PlainStores()
    defer {
      let pids: [pid_t] = stores.state.withLock { $0.pids }
      for pid in pids { kill(pid, SIGKILL) }
      for pid in pids { while waitpid(pid, nil, 0) < 0, errno == EINTR {} }
      _ = try? Command("rm", "-rf", stores.folder).runBlocking()
    }
    do { try await body(stores) } catch {
      Issue.record(error)
      for name in entries(stores.folder).filter({ $0.hasSuffix(".log") }) {
        print("---- \(name)\n\(readFile("\(stores.folder)/\(name)").suffix(4_000))")
      }
    }
  }

  func log(_ name: String) -> String { readFile("\(folder)/\(name).log") }

  /// One that nobody else has here.
  func address() -> String {
    state.withLock { state in
      state.last += 1
      return "127.\(net).7.\(state.last)"
    }
  }

  @discardableResult
  func launch(_ arguments: [String], _ name: String) throws -> pid_t {
    let pid: pid_t = try startDetached(arguments, log: "\(folder)/\(name).log")
    state.withLock { $0.pids.append(pid) }
    return pid
  }

  /// A member with these flags and nothing else.
  @discardableResult
  func member(_ name: String, log: String? = nil, _ flags: [String]) throws -> pid_t {
    try launch([program, "store", "--name", name, "--data-dir", "\(folder)/\(name)"] + flags, log ?? name)
  }

  /// A member with this name's folder and no flag for peers: etcd's defaults stand for them.
  func start(_ name: String, _ more: String...) async throws -> String {
    let url = "http://\(address()):2379"
    try launch(
      [program, "store", "--data-dir", "\(folder)/\(name)", "--listen-client-urls", url, "--advertise-client-urls=\(url)"] + more, name)
    try await eventually("\(name) is ready") { self.log(name).contains("ready to serve client requests") }
    return url
  }

  func startEtcd() async throws -> String {
    let host: String = address()
    let (url, peer): (String, String) = ("http://\(host):2379", "http://\(host):2380")
    try launch(
      [
        "etcd", "--data-dir", "\(folder)/etcd", "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
        "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=\(peer)", "--log-level", "error",
      ], "etcd")
    try await eventually("etcd answers") { try await self.etcdctl(url, "endpoint", "health").contains("is healthy") }
    return url
  }

  func tricenter(_ arguments: String...) async throws -> Command.Outcome { try await tricenter(arguments) }
  func tricenter(_ arguments: [String]) async throws -> Command.Outcome {
    try await Command([program, "store"] + arguments, timeout: .seconds(60)).outcome()
  }

  /// What it says, on standard output and error.
  func etcdctl(_ url: String, _ arguments: String...) async throws -> String { try await etcdctl(url, arguments) }
  func etcdctl(_ url: String, input: String = "", _ arguments: [String]) async throws -> String {
    var command = Command(["etcdctl", "--endpoints", url, "--command-timeout=30s"] + arguments, input: Bytes(input), timeout: .seconds(60))
    command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
    let outcome: Command.Outcome = try await command.outcome()
    return outcome.output.text + (outcome.status == 0 && arguments.first != "endpoint" ? "" : outcome.errors.text)
  }

  /// What a watch tells in a second.
  func watch(_ url: String, _ arguments: [String]) async throws -> String {
    var command = Command(["timeout", "1", "etcdctl", "--endpoints", url] + arguments, timeout: .seconds(30))
    command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
    return try await command.outcome().output.text
  }

  func curl(_ arguments: String...) async throws -> String { try await curl(arguments) }
  func curl(_ arguments: [String]) async throws -> String {
    try await Command(["curl", "-sS", "--max-time", "20"] + arguments).outcome().output.text
  }

  /// 41 keys, the last with a lease; the newest revision is 42.
  func fill(_ url: String) async throws {
    for key in 0..<40 { _ = try await etcdctl(url, "put", "k/\(key)", "value") }
    let lease: String = try await etcdctl(url, "lease", "grant", "3600").split(separator: " ").dropFirst().first.map(String.init) ?? ""
    _ = try await etcdctl(url, "put", "--lease", lease, "leased", "x")
  }

  /// A `-w fields` answer without the header, which tells of the member that answers.
  static func fields(_ text: String) -> [Substring] {
    text.split(separator: "\n").filter { line in
      !["\"ClusterID\"", "\"MemberID\"", "\"RaftTerm\"", "\"Revision\""].contains { line.hasPrefix($0) }
    }
  }
}
