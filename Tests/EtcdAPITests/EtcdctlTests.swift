import EtcdAPI
import Glibc
import HTTP
import Keyspace
import Primitives
import Processes
import Testing

let etcdctlIsThere: Bool = access("/usr/bin/etcdctl", X_OK) == 0

/// Debian's etcdctl against our server, over mutual TLS.
@Suite(.serialized, .enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
struct EtcdctlTests {
  @Test func putGetDelete() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      #expect(try await server.etcdctl("put", "a/1", "one").output == "OK\n")
      #expect(try await server.etcdctl("put", "a/2", "two").output == "OK\n")
      #expect(try await server.etcdctl("put", "--prev-kv", "a/1", "uno").output == "OK\na/1\none\n")
      #expect(try await server.etcdctl("get", "a/1").output == "a/1\nuno\n")
      #expect(try await server.etcdctl("get", "--prefix", "a/").output == "a/1\nuno\na/2\ntwo\n")
      #expect(try await server.etcdctl("get", "--prefix", "--limit", "1", "a/").output == "a/1\nuno\n")
      #expect(
        try await server.etcdctl("get", "--prefix", "--order", "DESCEND", "--sort-by", "MODIFY", "--keys-only", "a/").output
          == "a/1\n\na/2\n\n")
      #expect(try await server.etcdctl("get", "--rev", "2", "a/1").output == "a/1\none\n")
      #expect(try await server.etcdctl("get", "-w", "json", "nothing").output.contains(#""revision":4"#))
      #expect(try await server.etcdctl("get", "-w", "fields", "--prefix", "").output.contains("\"Count\" : 2"))
      #expect(try await server.etcdctl("del", "--prefix", "--prev-kv", "a/").output == "2\na/1\nuno\na/2\ntwo\n")
      #expect(try await server.etcdctl("get", "--prefix", "").output == "")
    }
  }

  @Test func errorsAreEtcds() async throws {
    try await withServer { server in
      for value in 1...4 { _ = try await server.etcdctl("put", "k", "\(value)") }
      let future = try await server.etcdctl("get", "--rev", "99", "k")
      #expect(future.status != 0)
      #expect(future.errors.contains("etcdserver: mvcc: required revision is a future revision"))
      #expect(try await server.etcdctl("compact", "3").output == "compacted revision 3\n")
      let compacted = try await server.etcdctl("get", "--rev", "2", "k")
      #expect(compacted.errors.contains("etcdserver: mvcc: required revision has been compacted"))
      #expect(try await server.etcdctl("compact", "3").errors.contains("required revision has been compacted"))
      #expect(try await server.etcdctl("get", "--rev", "3", "k").output == "k\n2\n")
      #expect(try await server.etcdctl("put", "--lease", "123", "k", "v").errors.contains("etcdserver: requested lease not found"))
      #expect(try await server.etcdctl("put", "--ignore-value", "absent").errors.contains("etcdserver: key not found"))
      #expect(try await server.etcdctl("member", "remove", "b2").errors.contains("MemberRemove is not supported by this server"))
      #expect(try await server.etcdctl("defrag").errors.contains("Defragment is not supported by this server"))
      #expect(try await server.etcdctl("user", "list").output == "")
    }
  }

  @Test func transactions() async throws {
    try await withServer { server in
      _ = try await server.etcdctl("put", "k", "v")
      let script: String = "value(\"k\") = \"v\"\nmod(\"k\") > \"0\"\n\nput k w\nget k\ndel other\n\nput k never\n\n"
      #expect(try await server.etcdctl("txn", input: script).output == "SUCCESS\n\nOK\n\nk\nw\n\n0\n")
      #expect(try await server.etcdctl("txn", input: script).output == "FAILURE\n\nOK\n")
      #expect(try await server.etcdctl("get", "k").output == "k\nnever\n")
      let twice = try await server.etcdctl("txn", input: "\nput x 1\nput x 2\n\n\n")
      #expect(twice.errors.contains("etcdserver: duplicate key given in txn request"))
    }
  }

  @Test func leases() async throws {
    try await withServer { server in
      let granted: String = try await server.etcdctl("lease", "grant", "60").output
      let words: [Substring] = granted.split(separator: " ")
      #expect(granted.hasSuffix("granted with TTL(60s)\n"))
      let id = String(words[1])
      _ = try await server.etcdctl("put", "--lease", id, "leased", "v")
      #expect(try await server.etcdctl("lease", "timetolive", "--keys", id).output.contains("granted with TTL(60s), remaining("))
      #expect(try await server.etcdctl("lease", "timetolive", "--keys", id).output.contains("attached keys([leased])"))
      #expect(try await server.etcdctl("lease", "list").output == "found 1 leases\n\(id)\n")
      #expect(try await server.etcdctl("lease", "keep-alive", "--once", id).output == "lease \(id) keepalived with TTL(60)\n")
      #expect(try await server.etcdctl("lease", "revoke", id).output == "lease \(id) revoked\n")
      #expect(try await server.etcdctl("get", "leased").output == "")
      #expect(try await server.etcdctl("lease", "timetolive", id).output == "lease \(id) already expired\n")
      #expect(try await server.etcdctl("lease", "revoke", id).errors.contains("etcdserver: requested lease not found"))
    }
  }

  @Test func endpointsAndMembers() async throws {
    try await withServer { server in
      #expect(try await server.etcdctl("endpoint", "health").errors.contains("is healthy: successfully committed proposal"))
      let status: String = try await server.etcdctl("endpoint", "status", "-w", "json").output
      #expect(status.contains(#""leader":161"#) && status.contains(#""raftTerm":7"#) && status.contains(#""version":"3.6.0""#))
      #expect(try await server.etcdctl("endpoint", "status").output.contains("a1, 3.6.0, 20 kB, true, false, 7, 42, 41, "))
      let members: String = try await server.etcdctl("member", "list").output
      #expect(members.contains("a1, started, prod-1, https://127.0.0.1:2380, https://127.0.0.1:\(server.port), false"))
      #expect(members.contains("b2, started, ldr-1, https://127.0.0.2:2380"))
      #expect(try await server.etcdctl("alarm", "list").output == "")
      _ = try await server.etcdctl("move-leader", "b2")
      #expect(server.directory.leader == MemberID(0xB2))
      server.directory.leading.store(0, ordering: .releasing)
      #expect(try await server.etcdctl("endpoint", "status").output.contains("etcdserver: no leader"))
    }
  }

  @Test func watchesFromAnOldRevisionAndLive() async throws {
    try await withServer { server in
      _ = try await server.etcdctl("put", "w/a", "1")
      _ = try await server.etcdctl("put", "w/b", "2")
      _ = try await server.etcdctl("del", "w/a")
      let log: String = server.folder + "/watch.log"
      let pid: pid_t = try startDetached(["etcdctl"] + server.flags + ["watch", "--prefix", "--rev", "2", "--prev-kv", "w/"], log: log)
      // Taken back as well: a child that nobody waits for keeps the exit tests of other suites from seeing their own.
      defer {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
      let old: String = "PUT\nw/a\n1\nPUT\nw/b\n2\nDELETE\nw/a\n1\nw/a\n\n"
      try await eventually("the old events") { read(log) == old }
      _ = try await server.keyspace.put(Bytes("w/c"), Bytes("3"))
      _ = try await server.keyspace.put(Bytes("elsewhere"), Bytes("x"))
      _ = try await server.keyspace.put(Bytes("w/c"), Bytes("4"))
      try await eventually("the live events") { read(log) == old + "PUT\nw/c\n3\nPUT\nw/c\n3\nw/c\n4\n" }
    }
  }

  @Test func aWatchOfCompactedHistoryIsCancelled() async throws {
    try await withServer { server in
      for value in 1...5 { _ = try await server.keyspace.put(Bytes("k"), Bytes("\(value)")) }
      try await server.keyspace.compact(revision: 5)
      let outcome = try await server.etcdctl("watch", "--rev", "2", "k")
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains("required revision has been compacted"))
    }
  }

  @Test func plainEndpointsAnswerToCurl() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      let base: String = "https://127.0.0.1:\(server.port)"
      let flags: [String] = ["--cacert", server.folder + "/ca.pem", "--cert", server.folder + "/c.pem", "--key", server.folder + "/c.key"]
      func curl(_ path: String) async throws -> String { try await Command(["curl", "-sS"] + flags + [base + path]).outcome().output.text }
      #expect(try await curl("/health") == #"{"health":"true","reason":""}"#)
      #expect(try await curl("/version") == #"{"etcdserver":"3.6.0","etcdcluster":"3.6.0","storage":"3.6.0"}"#)
      server.directory.leading.store(0, ordering: .releasing)
      #expect(try await curl("/health") == #"{"health":"false","reason":"RAFT NO LEADER"}"#)
    }
  }

  private func read(_ path: String) -> String {
    let descriptor: Int32 = open(path, O_RDONLY)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: Bytes = Bytes(repeating: 0, count: 65_536)
    let count: Int = Glibc.read(descriptor, &bytes, bytes.count)
    return Bytes(bytes.prefix(max(0, count))).text
  }
}
