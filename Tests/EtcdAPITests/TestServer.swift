import EtcdAPI
import Glibc
import HTTP
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Observability
import Primitives
import Processes
import Synchronization
import TLS
import Testing

func quiet(_ label: String) -> Logger {
  var logger = Logger(label: label)
  logger.logLevel = .critical
  return logger
}

/// The defaults are for machines that do nothing else.
func patient(tls: TLSContext? = nil, port: Int) -> HTTPClientConfiguration {
  var configuration =
    tls.map { HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], tls: $0, logger: quiet("client")) }
    ?? HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, logger: quiet("client"))
  configuration.connectTimeout = .seconds(60)
  configuration.keepAliveTimeout = .seconds(60)
  return configuration
}

/// What a member would tell of itself, for a keyspace that is alone.
final class TestDirectory: MemberDirectory {
  let keyspace: LocalKeyspace
  let clusterID: UInt64 = 0xC1
  let memberID = MemberID(0xA1)
  let leading: Atomic<UInt64> = Atomic(0xA1)
  let port: Mutex<Int> = Mutex(0)
  let path: String
  init(_ keyspace: LocalKeyspace, path: String) {
    self.keyspace = keyspace
    self.path = path
  }
  var raftTerm: UInt64 { 7 }
  var revision: Int64 { keyspace.snapshot().revision }
  var leader: MemberID? {
    let value: UInt64 = leading.load(ordering: .acquiring)
    return value == 0 ? nil : MemberID(value)
  }
  func status() -> MemberStatus {
    MemberStatus(
      raftIndex: 42, appliedIndex: 41, databaseBytes: 20_480, databaseBytesInUse: 10_240,
      compactRevision: keyspace.snapshot().compactedRevision)
  }
  func members() -> [ClusterMember] {
    [
      ClusterMember(
        id: memberID, name: "prod-1", peerURLs: ["https://127.0.0.1:2380"], clientURLs: ["https://127.0.0.1:\(port.withLock { $0 })"]),
      ClusterMember(id: MemberID(0xB2), name: "ldr-1", peerURLs: ["https://127.0.0.2:2380"], clientURLs: [], isLearner: false),
    ]
  }
  func moveLeader(to member: MemberID) async throws { leading.store(member.value, ordering: .releasing) }
}

/// A server with TLS on a fresh keyspace, and the files that etcdctl needs.
struct TestServer {
  let keyspace: LocalKeyspace
  let directory: TestDirectory
  let server: EtcdServer
  let folder: String
  let port: Int
  let http: HTTPClient
  let store: EtcdStore

  func etcdctl(_ arguments: String..., input: String = "", timeout: Duration = .seconds(90)) async throws -> (
    status: Int32, output: String, errors: String
  ) {
    try await run(arguments, input: input, timeout: timeout)
  }

  func run(_ arguments: [String], input: String = "", timeout: Duration = .seconds(90)) async throws -> (
    status: Int32, output: String, errors: String
  ) {
    var command = Command(["etcdctl"] + flags + arguments, input: Bytes(input), timeout: timeout)
    command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
    let outcome: Command.Outcome = try await command.outcome()
    return (outcome.status, outcome.output.text, outcome.errors.text)
  }

  var flags: [String] {
    ["--endpoints", "https://127.0.0.1:\(port)", "--cacert", folder + "/ca.pem", "--cert", folder + "/c.pem", "--key", folder + "/c.key"]
      // The defaults of 2 and 5 seconds are for machines that do nothing else.
      + ["--dial-timeout", "60s", "--command-timeout", "60s"]
  }
}

func withServer<Result>(
  _ logger: Logger = quiet("etcd"), options: EtcdOptions = EtcdOptions(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
  _ body: (TestServer) async throws -> Result
) async throws {
  let now: WallTime = SystemClock().wall()
  let authority = try CertificateAuthority.create(commonName: "test", lifetime: .seconds(3600), now: now)
  var leaf = LeafDescription(commonName: "prod-1")
  leaf.addresses = ["127.0.0.1"]
  let person: TLSIdentity = try authority.issue(LeafDescription(commonName: "operator"), now: now)
  let folder: String = "/tmp/tricenter-etcd-\(getpid())-\(UInt64.random(in: 0 ... .max))"
  guard mkdir(folder, 0o700) == 0 else { throw KeyspaceError(.unavailable, "cannot make \(folder)") }
  defer {
    for file in ["ca.pem", "c.pem", "c.key", "ca.key", "watch.log"] { unlink("\(folder)/\(file)") }
    rmdir(folder)
  }
  try authority.write(certificateFile: folder + "/ca.pem", keyFile: folder + "/ca.key")
  try person.write(certificateFile: folder + "/c.pem", keyFile: folder + "/c.key")
  let alpn: [String] = HTTPServerConfiguration.applicationProtocols
  let keyspace = LocalKeyspace()
  let directory = TestDirectory(keyspace, path: folder)
  let server = EtcdServer(
    HTTPServerConfiguration(
      address: .host("127.0.0.1", port: 0),
      tls: try TLSContext.server(
        identity: .fixed(try authority.issue(leaf, now: now)), trust: .fixed(authority.trust), applicationProtocols: alpn,
        logger: quiet("tls")),
      group: group, logger: logger, grace: .milliseconds(100)),
    store: keyspace, directory: directory, options: options, metrics: PrometheusRegistry())
  try await server.start()
  let port: Int = try #require(server.port)
  directory.port.withLock { $0 = port }
  let http = HTTPClient(
    patient(
      tls: try TLSContext.client(
        identity: .fixed(person), trust: .fixed(authority.trust), applicationProtocols: alpn, logger: quiet("tls")), port: port))
  let expiry = Task { await keyspace.run() }
  do {
    _ = try await body(
      TestServer(
        keyspace: keyspace, directory: directory, server: server, folder: folder, port: port, http: http,
        store: EtcdStore(http, secure: true, authority: "127.0.0.1:\(port)", timeout: .seconds(60))))
  } catch {
    Issue.record(error)
  }
  expiry.cancel()
  http.close()
  await server.shutdown()
}

/// Looks until it holds; the deadline only bounds a failing test.
func eventually(_ what: String, within: Duration = .seconds(60), _ condition: () -> Bool) async throws {
  let start: ContinuousClock.Instant = .now
  while !condition() {
    guard ContinuousClock.now - start < within else { throw KeyspaceError(.timeout, "never happened: \(what)") }
    try await Task.sleep(for: .milliseconds(5))
  }
}
