import Glibc
import Primitives
import Processes
import Synchronization

/// Three members as a script starts an etcd cluster on one machine: static bootstrap, one address each.
final class ScriptedCluster: Sendable {
  enum Transport: Sendable {
    /// `http://` for clients and peers.
    case plain
    /// `https://` for both, with the certificates of an operator's own authority (`PlainStores.certificates`).
    case certificates
  }
  let stores: PlainStores
  let transport: Transport
  let addresses: [String]
  private let pids: Mutex<[pid_t]> = Mutex([])
  private let starts: Mutex<Int> = Mutex(0)

  private init(_ stores: PlainStores, _ transport: Transport, _ addresses: [String]) {
    self.stores = stores
    self.transport = transport
    self.addresses = addresses
  }

  static func start(_ stores: PlainStores, _ transport: Transport) async throws -> ScriptedCluster {
    let addresses: [String] = (0..<3).map { _ in stores.address() }
    if case .certificates = transport { try await stores.certificates(for: addresses) }
    let cluster = ScriptedCluster(stores, transport, addresses)
    for number in 0..<3 {
      let pid: pid_t = try cluster.launch(number, log: cluster.name(number))
      cluster.pids.withLock { $0.append(pid) }
    }
    for number in 0..<3 {
      try await eventually("\(cluster.name(number)) is ready", within: .seconds(120)) {
        stores.log(cluster.name(number)).contains("ready to serve client requests")
      }
    }
    return cluster
  }

  func name(_ number: Int) -> String { "infra\(number)" }
  private var scheme: String { if case .plain = transport { "http" } else { "https" } }
  func url(_ number: Int) -> String { "\(scheme)://\(addresses[number]):2379" }
  var urls: String { (0..<3).map(url).joined(separator: ",") }

  private func launch(_ number: Int, log: String) throws -> pid_t {
    let peer: (Int) -> String = { "\(self.scheme)://\(self.addresses[$0]):2380" }
    let founders: String = (0..<3).map { "\(name($0))=\(peer($0))" }.joined(separator: ",")
    var flags: [String] = [
      "--listen-client-urls", url(number), "--advertise-client-urls", url(number), "--listen-peer-urls", peer(number),
      "--initial-advertise-peer-urls", peer(number), "--initial-cluster-token", "etcd-cluster-1", "--initial-cluster", founders,
      "--initial-cluster-state", "new",
    ]
    if case .certificates = transport {
      let (certificate, key): (String, String) = ("\(stores.folder)/server.pem", "\(stores.folder)/server.key")
      let authority = "\(stores.folder)/ca.pem"
      flags += ["--cert-file", certificate, "--key-file", key, "--trusted-ca-file", authority, "--client-cert-auth"]
      flags += ["--peer-cert-file", certificate, "--peer-key-file", key, "--peer-trusted-ca-file", authority, "--peer-client-cert-auth"]
    }
    return try stores.member(name(number), log: log, flags)
  }

  /// What etcdctl and curl need to be let in.
  var clientFlags: [String] {
    guard case .certificates = transport else { return [] }
    return ["--cacert", "\(stores.folder)/ca.pem", "--cert", "\(stores.folder)/client.pem", "--key", "\(stores.folder)/client.key"]
  }

  func etcdctl(_ arguments: String...) async throws -> String { try await stores.etcdctl(urls, clientFlags + arguments) }

  /// The member that leads; nil while none does.
  func leader() async throws -> Int? {
    for number in 0..<3 where pids.withLock({ $0[number] }) > 0 {
      let text: String = try await Command(
        ["curl", "-sS", "--max-time", "5"] + clientFlags + ["-d", "{}", "\(url(number))/v3/maintenance/status"]
      ).outcome().output.text
      func value(_ name: String) -> Substring? { text.split(separator: "\"\(name)\":\"").dropFirst().first?.prefix { $0.isNumber } }
      if let leader: Substring = value("leader"), leader != "0", leader == value("member_id") { return number }
    }
    return nil
  }

  /// kill -9 of the leader; which one it was.
  func killLeader() async throws -> Int {
    let found: Mutex<Int?> = Mutex(nil)
    try await eventually("somebody leads") {
      let leader: Int? = try await self.leader()
      found.withLock { $0 = leader }
      return leader != nil
    }
    guard let leader: Int = found.withLock({ $0 }) else { throw TestTrouble("nobody leads") }
    let pid: pid_t = pids.withLock { pids in
      defer { pids[leader] = 0 }
      return pids[leader]
    }
    kill(pid, SIGKILL)
    return leader
  }

  /// Starts a killed member again with the script's very flags.
  func restart(_ number: Int) async throws {
    let log: String = starts.withLock { starts in
      starts += 1
      return "\(name(number))-again-\(starts)"
    }
    let pid: pid_t = try launch(number, log: log)
    pids.withLock { $0[number] = pid }
    try await eventually("\(name(number)) is ready again", within: .seconds(120)) {
      self.stores.log(log).contains("ready to serve client requests")
    }
  }
}

extension PlainStores {
  /// `ca.pem`, `server.pem` for these addresses and `client.pem`, made by openssl as operators make them: they name no process of ours.
  func certificates(for addresses: [String]) async throws {
    func openssl(_ arguments: String...) async throws { _ = try await Command(["openssl"] + arguments).run() }
    let ca: [String] = ["-CA", "\(folder)/ca.pem", "-CAkey", "\(folder)/ca.key", "-CAcreateserial", "-days", "2"]
    try await openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=operators", "-keyout",
      "\(folder)/ca.key", "-out", "\(folder)/ca.pem")
    let names: String = addresses.map { "IP:\($0)" }.joined(separator: ",")
    for (name, more) in [
      ("server", "subjectAltName=\(names)\nextendedKeyUsage=serverAuth,clientAuth"), ("client", "extendedKeyUsage=clientAuth"),
    ] {
      try writeFile(more + "\n", to: "\(folder)/\(name).ext")
      try await openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)", "-keyout", "\(folder)/\(name).key",
        "-out", "\(folder)/\(name).csr")
      _ = try await Command(
        ["openssl", "x509", "-req", "-in", "\(folder)/\(name).csr", "-extfile", "\(folder)/\(name).ext", "-out", "\(folder)/\(name).pem"]
          + ca
      ).run()
      chmod("\(folder)/\(name).key", 0o600)
    }
  }
}
