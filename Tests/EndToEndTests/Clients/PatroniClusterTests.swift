import Glibc
import Primitives
import Processes
import Synchronization
import Testing

/// A stock Patroni with two PostgreSQL servers, whose configuration store is three of our members started by etcd's own flags.
/// `TRICENTER_PATRONI=PATH` says where Patroni is; otherwise it is looked for in PATH, or installed into a folder beside the tests' own
/// programs from the package index, where that is reached.
@Suite(.serialized, .enabled(if: PatroniProgram.obstacle == nil, "\(PatroniProgram.obstacle ?? "")"))
struct PatroniClusterTests {
  @Test func `Patroni elects a primary, keeps it when our leader dies, and fails over when the primary dies`() async throws {
    try await PlainStores.run { stores in
      let cluster: ScriptedCluster = try await .start(stores, .plain)
      let servers: [PatroniServer] = try (1...2).map { try PatroniServer($0, stores, etcd: cluster.addresses) }
      defer { for server in servers { server.end() } }
      try servers[0].start()
      try await eventually("the first server is primary", within: .seconds(180)) { try await servers[0].role() == .primary }
      try servers[1].start()
      try await eventually("the second is its replica", within: .seconds(180)) { try await servers[1].role() == .replica }
      _ = try await servers[0].sql("create table t (n int primary key)")
      _ = try await servers[0].sql("insert into t values (1)")
      #expect(try await cluster.etcdctl("get", "/service/bank/leader", "--print-value-only") == "pg1\n")

      // Our leader dies: Patroni talks to the next member, and nobody is demoted.
      let gone: Int = try await cluster.killLeader()
      for _ in 0..<12 {
        #expect(try await servers[0].role() == .primary)
        try await Task.sleep(for: .milliseconds(500))
      }
      _ = try await servers[0].sql("insert into t values (2)")
      try await cluster.restart(gone)

      // The primary's host dies: Patroni and PostgreSQL at once.
      servers[0].crash()
      let failover: Duration = try await elapsed {
        try await eventually("the second takes over", within: .seconds(120)) { try await servers[1].role() == .primary }
      }
      print("Patroni \(PatroniProgram.version): failover \(Int(failover.milliseconds)) ms after kill -9 (ttl 20 s)")
      // Patroni says so a moment before PostgreSQL takes connections in the new role.
      try await eventually("it has both rows", within: .seconds(60)) {
        (try? await servers[1].sql("select count(*) from t")).map { trimmed($0) } == "2"
      }
      _ = try await servers[1].sql("insert into t values (3)")

      // Meanwhile another of our leaders dies, then the old primary comes back as a replica.
      let second: Int = try await cluster.killLeader()
      try servers[0].start(again: true)
      try await eventually("the old primary follows", within: .seconds(180)) { try await servers[0].role() == .replica }
      try await eventually("it has what it missed", within: .seconds(60)) {
        (try? await servers[0].sql("select count(*) from t")).map { trimmed($0) } == "3"
      }
      try await cluster.restart(second)
      #expect(servers[1].log().contains("no action. I am (pg2), the leader with the lock"))
    }
  }
}

/// Patroni's executable, and why there is none.
enum PatroniProgram {
  private static let found: (program: String?, obstacle: String?) = {
    let postgres = "/usr/lib/postgresql/15/bin/postgres"
    if access(postgres, X_OK) != 0 { return (nil, "PostgreSQL 15 (\(postgres)) is not installed") }
    if geteuid() != 0 || getpwnam("postgres") == nil { return (nil, "PostgreSQL is started as the user postgres, by root") }
    if let obstacle: String = DaemonBench.obstacle { return (nil, obstacle) }
    if let given: UnsafeMutablePointer<CChar> = getenv("TRICENTER_PATRONI") { return (String(cString: given), nil) }
    if let program: String = findProgram("patroni") { return (program, nil) }
    // Everybody may enter it: Patroni runs as postgres.
    let folder = "/var/tmp/tricenter-patroni"
    if access("\(folder)/bin/patroni", X_OK) == 0 { return ("\(folder)/bin/patroni", nil) }
    do {
      // The system's own Python: one in root's home is no use to the user postgres.
      _ = try Command(["/usr/bin/python3", "-m", "venv", folder], timeout: .seconds(60)).runBlockingChecked()
      _ = try Command(
        ["\(folder)/bin/pip", "install", "--quiet", "--timeout", "10", "--retries", "1", "patroni[etcd3]", "psycopg[binary]"],
        timeout: .seconds(240)
      ).runBlockingChecked()
      return ("\(folder)/bin/patroni", nil)
    } catch {
      _ = try? Command("rm", "-rf", folder).runBlocking()
      return (nil, "no patroni in PATH, and it cannot be installed: \("\(error)".prefix(200))")
    }
  }()
  static var obstacle: String? { found.obstacle }
  static var path: String { found.program ?? "patroni" }
  static var version: String {
    ((try? Command(path, "--version").runBlocking().output.text)?.split(separator: " ").last.map(String.init)).map(trimmed) ?? "?"
  }
}

/// One Patroni with its PostgreSQL, in a folder and on an address of its own.
final class PatroniServer: Sendable {
  enum Role { case primary, replica, neither }
  let name: String
  private let folder: String
  private let address: String
  private let logs: String
  private let pid: Mutex<pid_t> = Mutex(0)

  init(_ number: Int, _ stores: PlainStores, etcd: [String]) throws {
    name = "pg\(number)"
    // PostgreSQL's user must get to its data and socket; the stores' own folder is root's alone.
    folder = "/var/tmp/tricenter-pg-\(getpid())-\(number)"
    logs = stores.folder
    address = stores.address()
    _ = try Command("rm", "-rf", folder).runBlocking()
    guard mkdir(folder, 0o700) == 0, let user: UnsafeMutablePointer<passwd> = getpwnam("postgres"),
      chown(folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0
    else { throw TestTrouble("no folder \(folder)") }
    let configuration: String = """
      scope: bank
      name: \(name)
      restapi: {listen: "\(address):8008", connect_address: "\(address):8008"}
      etcd3: {hosts: [\(etcd.map { "\"\($0):2379\"" }.joined(separator: ", "))], protocol: http}
      bootstrap:
        dcs: {ttl: 20, loop_wait: 1, retry_timeout: 3, maximum_lag_on_failover: 1048576, postgresql: {use_pg_rewind: true}}
        initdb: [{encoding: UTF8}, data-checksums, {auth: trust}]
      postgresql:
        listen: "\(address):5432"
        connect_address: "\(address):5432"
        data_dir: \(folder)/data
        bin_dir: /usr/lib/postgresql/15/bin
        pgpass: \(folder)/pgpass
        remove_data_directory_on_diverged_timelines: true
        authentication:
          superuser: {username: postgres, password: x}
          replication: {username: replicator, password: x}
        pg_hba: ["local all all trust", "host all all 127.0.0.0/8 trust", "host replication all 127.0.0.0/8 trust"]
        parameters: {unix_socket_directories: "\(folder)", shared_buffers: 16MB, fsync: "off"}

      """
    try writeFile(configuration, to: "\(folder)/patroni.yml", mode: 0o644)
  }

  func start(again: Bool = false) throws {
    let pid: pid_t = try startDetached(
      ["runuser", "-u", "postgres", "--", PatroniProgram.path, "\(folder)/patroni.yml"], log: "\(logs)/\(name)\(again ? "-again" : "").log")
    self.pid.withLock { $0 = pid }
  }

  func log() -> String { readFile("\(logs)/\(name).log") }

  /// As Patroni's own REST API says it, which load balancers ask.
  func role() async throws -> Role {
    for (path, role) in [("primary", Role.primary), ("replica", .replica)] {
      let status: String = try await Command(
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "5", "http://\(address):8008/\(path)"
      ).outcome().output.text
      if status == "200" { return role }
    }
    return .neither
  }

  func sql(_ text: String) async throws -> String {
    try await Command(["psql", "-h", address, "-U", "postgres", "-d", "postgres", "-At", "-c", text], timeout: .seconds(60)).run()
  }

  /// kill -9 of Patroni and of every process of its PostgreSQL.
  func crash() {
    let root: pid_t = pid.withLock { pid in
      defer { pid = 0 }
      return pid
    }
    guard root > 0 else { return }
    var doomed: [pid_t] = descendants(of: root)
    // PostgreSQL is a daemon of its own: its first process stands in its data folder.
    let postmaster: pid_t = pid_t(readFile("\(folder)/data/postmaster.pid").split(separator: "\n").first ?? "") ?? 0
    if postmaster > 1 { doomed += descendants(of: postmaster) + [postmaster] }
    for process in doomed + [root] { kill(process, SIGKILL) }
    while waitpid(root, nil, 0) < 0, errno == EINTR {}
  }

  func end() {
    crash()
    _ = try? Command("rm", "-rf", folder).runBlocking()
  }
}
