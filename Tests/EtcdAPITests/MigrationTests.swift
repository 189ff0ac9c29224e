import Glibc
import HTTP
import Primitives
import Processes
import TLS
import Testing

@testable import EtcdAPI
@testable import Keyspace

let etcdIsThere: Bool = etcdctlIsThere && access("/usr/bin/etcd", X_OK) == 0

/// Debian's etcd, filled by its own client, read from its snapshot.
@Suite(.serialized, .enabled(if: etcdIsThere, "etcd and etcdctl are not installed (packages etcd-server, etcd-client)"))
struct MigrationTests {
  @Test func `everything that an etcd still has comes over under its own revisions`() async throws {
    try await withEtcd { etcd in
      let store: EtcdStore = etcd.store
      for number in 0..<300 { _ = try await store.put(Bytes("k/\(number % 40)"), Bytes("value \(number)")) }
      let leases: [LeaseGrant] = [
        try await store.grantLease(ttlSeconds: 3_600, id: 0), try await store.grantLease(ttlSeconds: 900, id: 77),
      ]
      for number in 0..<10 { _ = try await store.put(Bytes("leased/\(number)"), Bytes("x"), lease: leases[number % 2].id) }
      // Two modifications and a deletion in one revision, a key that dies and lives again, a large value.
      _ = try await store.transact(
        TransactionRequest(success: [
          .put(PutRequest(key: Bytes("t/1"), value: Bytes("a"))), .put(PutRequest(key: Bytes("t/2"), value: [])),
          .delete(DeleteRequest(KeyRange(key: Bytes("k/1")))),
        ]))
      _ = try await store.transact(TransactionRequest(success: [.delete(DeleteRequest(.prefix(Bytes("k/2"))))]))
      let middle: Int64 = try await store.put(Bytes("k/2"), Bytes(repeating: 65, count: 300_000))
      try await store.compact(revision: middle - 8)
      for number in 0..<20 { _ = try await store.put(Bytes("k/\(number)"), Bytes("later")) }
      _ = try await store.transact(TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: Bytes("t/1"))))]))
      let newest: Int64 = try await store.put(Bytes([0, 255, 1]), Bytes([0]))

      let file: String = etcd.folder + "/snapshot.db"
      try await store.saveSnapshot(to: file)
      let database = try EtcdDatabase(path: file)
      let keyspace: Keyspace = database.keyspace
      #expect(keyspace.revision == newest && keyspace.compactedRevision == middle - 8)
      for revision in (middle - 8)...newest {
        let theirs: RangeResponse = try await store.range(RangeRequest(.prefix([]), revision: revision))
        let ours: RangeResponse = try keyspace.range(RangeRequest(.prefix([]), revision: revision))
        #expect(ours.keyValues == theirs.keyValues, "revision \(revision)")
      }
      #expect(throws: KeyspaceError(.compacted, "")) { try keyspace.range(RangeRequest(.prefix([]), revision: middle - 9)) }
      #expect(Set(keyspace.leases) == Set(leases.map(\.id)) && keyspace.leaseTTL(77) == 900)
      for lease in leases {
        // etcd tells them in no order.
        let theirs: [Bytes] = try await store.leaseTimeToLive(id: lease.id, withKeys: true).keys
        #expect(Set(keyspace.leaseKeys(lease.id)) == Set(theirs) && theirs.count == 5)
      }
      // A watch that began at etcd goes on here: the same events from the compacted revision on.
      let local = LocalKeyspace(keyspace)
      let (here, there): (any WatchCursor, any WatchCursor) = (
        try await local.watch(WatchRequest(.prefix([]), startRevision: middle - 7)),
        try await store.watch(WatchRequest(.prefix([]), startRevision: middle - 7))
      )
      #expect(try await all(here, until: newest) == all(there, until: newest))
      here.cancel()
      there.cancel()
      #expect(try await local.put(Bytes("k/0"), Bytes("next")) == newest + 1)
      let said: String = try await etcd.etcdctl("snapshot", "status", file, "-w", "json")
      let summary: EtcdDatabase.Summary = database.summary
      #expect(
        said.contains(
          "\"hash\":\(summary.hash),\"revision\":\(summary.revision),\"totalKey\":\(summary.totalKeys),\"totalSize\":\(summary.totalBytes)")
      )
    }
  }

  @Test func `users, roles and their passwords come over`() async throws {
    try await withEtcd { etcd in
      for line in [
        "user add root:rootpw", "user add ann:s3cret", "role add reader", "role grant-permission reader read k/ --prefix",
        "user grant-role ann reader", "user grant-role root root", "auth enable",
      ] { _ = try await etcd.etcdctl(line.split(separator: " ").map(String.init)) }
      let file: String = etcd.folder + "/snapshot.db"
      try await etcd.store.authenticated(name: "root", password: "rootpw").saveSnapshot(to: file)
      let keyspace: Keyspace = try EtcdDatabase(path: file).keyspace
      let state = try AuthState(keyspace.setting(AuthState.settingName).value)
      #expect(state.enabled && state.users.keys.sorted() == ["ann", "root"] && state.users["ann"]?.roles == ["reader"])
      #expect(state.roles["reader"] == [AuthPermission(kind: .read, key: Bytes("k/"), end: Bytes("k0"))])
      let kept: Bytes = try #require(state.users["ann"]?.password)
      #expect(kept.text.hasPrefix("$2"))
      #expect(PasswordHash.matches(Bytes("s3cret"), kept) && !PasswordHash.matches(Bytes("s3cres"), kept))
    }
  }

  @Test func `what is damaged is refused, whatever is damaged`() async throws {
    try await withEtcd { etcd in
      for number in 0..<200 { _ = try await etcd.store.put(Bytes("k/\(number)"), Bytes("value \(number)")) }
      let file: String = etcd.folder + "/snapshot.db"
      try await etcd.store.saveSnapshot(to: file)
      let whole: Bytes = try Command("cat", file).runBlocking().output
      let damaged: String = etcd.folder + "/damaged.db"
      func refusal(_ bytes: Bytes, skipHashCheck: Bool = false) throws -> String? {
        let descriptor: Int32 = open(damaged, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(descriptor) }
        guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else { return "not written" }
        do {
          _ = try EtcdDatabase(path: damaged, skipHashCheck: skipHashCheck)
          return nil
        } catch let fault as KeyspaceError { return fault.message }
      }
      #expect(try refusal(whole) == nil)
      #expect(try refusal(Bytes(whole.dropLast(100)))?.contains("not copied whole") ?? false)
      // As it lies in a member's folder.
      #expect(try refusal(Bytes(whole.dropLast(32)))?.contains("--skip-hash-check") ?? false)
      #expect(try refusal(Bytes(whole.dropLast(32)), skipHashCheck: true) == nil)
      #expect(try refusal(Bytes(whole.prefix(whole.count / 2 / 4096 * 4096)), skipHashCheck: true)?.contains("cut short") ?? false)
      var flipped: Bytes = whole
      flipped[whole.count / 2] ^= 1
      #expect(try refusal(flipped)?.contains("SHA-256") ?? false)
      // Without the checksum nothing may crash, hang, or come in that is no keyspace.
      var random = SeededRandom(seed: 7)
      var refused: Int = 0
      for _ in 0..<300 {
        var bytes: Bytes = whole
        for _ in 0..<Int.random(in: 1...30, using: &random) {
          let place: Int = Int.random(in: 0..<bytes.count, using: &random)
          bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        // The first bytes of pages hold what leads elsewhere.
        let page: Int = Int.random(in: 0..<bytes.count / 4096, using: &random) * 4096
        for place in page..<page + 16 where Bool.random(using: &random) { bytes[place] = UInt8.random(in: 0...255, using: &random) }
        if try refusal(bytes, skipHashCheck: true) != nil { refused += 1 }
      }
      #expect(refused > 100)
    }
  }

  private func all(_ cursor: any WatchCursor, until revision: Int64) async throws -> [Event] {
    var events: [Event] = []
    while events.last?.keyValue.modRevision ?? 0 < revision { events += try await cursor.next(limit: 1_000).events }
    return events
  }
}

/// An etcd of a test's own.
struct TestEtcd {
  let folder: String
  let url: String
  let store: EtcdStore

  func etcdctl(_ arguments: String...) async throws -> String { try await etcdctl(arguments) }

  func etcdctl(_ arguments: [String]) async throws -> String {
    var command = Command(
      ["etcdctl", "--endpoints", url, "--dial-timeout", "60s", "--command-timeout", "60s"] + arguments, timeout: .seconds(90))
    command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
    return try await command.run()
  }
}

func withEtcd(_ body: (TestEtcd) async throws -> Void) async throws {
  var template: [CChar] = Array("/tmp/tricenter-migrate-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw KeyspaceError(.unavailable, "no temporary folder") }
  let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { _ = try? Command("rm", "-rf", folder).runBlocking() }
  let (client, peer): (Int, Int) = (freePort(), freePort())
  let url = "http://127.0.0.1:\(client)"
  let pid: pid_t = try startDetached(
    [
      "etcd", "--data-dir", folder + "/data", "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls",
      "http://127.0.0.1:\(peer)", "--initial-advertise-peer-urls", "http://127.0.0.1:\(peer)", "--initial-cluster",
      "default=http://127.0.0.1:\(peer)", "--unsafe-no-fsync", "--log-level", "error",
    ], log: folder + "/etcd.log")
  defer {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }
  let http = HTTPClient(patient(port: client))
  defer { http.close() }
  let store = EtcdStore(http, secure: false, authority: "127.0.0.1:\(client)", timeout: .seconds(60))
  let start: ContinuousClock.Instant = .now
  while (try? await store.status())?.leader ?? 0 == 0 {
    guard ContinuousClock.now - start < .seconds(60) else { throw KeyspaceError(.timeout, "etcd does not start: see \(folder)/etcd.log") }
    try await Task.sleep(for: .milliseconds(50))
  }
  try await body(TestEtcd(folder: folder, url: url, store: store))
}

/// Free a moment ago.
func freePort() -> Int {
  let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  return withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
      guard bind(descriptor, raw, length) == 0, getsockname(descriptor, raw, &length) == 0 else { fatalError("no free port") }
    }
    return Int(UInt16(bigEndian: pointer.pointee.sin_port))
  }
}
