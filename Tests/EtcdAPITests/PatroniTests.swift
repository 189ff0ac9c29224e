import Glibc
import HTTP
import Keyspace
import Primitives
import Processes
import TLS
import Testing

@testable import EtcdAPI

/// What Patroni does with its `etcd3` store, call by call (`patroni/dcs/etcd3.py`): the JSON gateway over HTTP/1.1, keys in base64,
/// numbers as text, errors told apart by their `error` and `code`.
@Suite(.serialized) struct PatroniTests {
  private struct Patroni {
    let server: TestServer
    var token: String?

    /// What came, as fields, and whether the status was below 400.
    func call(_ path: String, _ body: String?, _ more: [String] = []) async throws -> (ok: Bool, fields: [String: JSONTree], text: String) {
      var arguments: [String] = [
        "curl", "-sS", "--http1.1", "--max-time", "30", "-w", "\n%{http_code}", "-H", "Content-Type: application/json",
      ]
      arguments += ["--cacert", server.folder + "/ca.pem", "--cert", server.folder + "/c.pem", "--key", server.folder + "/c.key"]
      if let token { arguments += ["-H", "authorization: \(token)"] }
      if let body { arguments += ["-X", "POST", "-d", body] }
      let text: String = try await Command(arguments + more + ["https://127.0.0.1:\(server.port)\(path)"]).outcome().output.text
      let lines: [Substring] = text.split(separator: "\n")
      guard let first: Substring = lines.first, case .object(let fields) = try JSONTree(Bytes(String(first))) else {
        return (false, [:], text)
      }
      return ((Int(lines.last ?? "") ?? 500) < 400, fields, text)
    }

    func put(_ key: String, _ value: String, lease: String? = nil, created: Int? = nil, modified: String? = nil) async throws -> (
      ok: Bool, fields: [String: JSONTree], text: String
    ) {
      let (key, value): (String, String) = (Base64.encode(Bytes(key)), Base64.encode(Bytes(value)))
      let fields = #"{"key": "\#(key)", "value": "\#(value)"\#(lease.map { #", "lease": "\#($0)""# } ?? "")}"#
      if created == nil, modified == nil { return try await call("/v3/kv/put", fields) }
      let compare: String =
        modified.map { #"{"target": "MOD", "mod_revision": "\#($0)", "key": "\#(key)"}"# }
        ?? #"{"target": "CREATE", "create_revision": "\#(created ?? 0)", "key": "\#(key)"}"#
      return try await call("/v3/kv/txn", #"{"compare": [\#(compare)], "success": [{"request_put": \#(fields)}]}"#)
    }
  }

  private static func text(_ tree: JSONTree?) -> String {
    if case .string(let text)? = tree { return text }
    return ""
  }

  private static func revision(_ fields: [String: JSONTree]) -> String {
    guard case .object(let header)? = fields["header"] else { return "" }
    return text(header["revision"])
  }

  @Test func `a primary takes the leader key, keeps its lease, and loses it`() async throws {
    try await withServer { server in
      let patroni = Patroni(server: server)
      let version = try await patroni.call("/version", nil)
      #expect(Self.text(version.fields["etcdserver"]) == "3.6.0" && Self.text(version.fields["etcdcluster"]) == "3.6.0")
      #expect(
        try await patroni.call("/v3/cluster/member/list", "{}").text.contains("\"clientURLs\":[\"https://127.0.0.1:\(server.port)\"]"))
      let lease: String = Self.text(try await patroni.call("/v3/lease/grant", #"{"TTL": 30}"#).fields["ID"])
      #expect(Int64(lease) != nil)
      // The first one wins the race for /initialize and for /leader.
      #expect(try await patroni.put("/service/batman/initialize", "7", created: 0).text.contains("\"succeeded\":true"))
      #expect(!(try await patroni.put("/service/batman/initialize", "8", created: 0).text.contains("succeeded")))
      let won = try await patroni.put("/service/batman/leader", "pg-1", lease: lease, created: 0)
      #expect(won.text.contains("\"succeeded\":true"))
      _ = try await patroni.put("/service/batman/members/pg-1", #"{"role":"primary"}"#, lease: lease)
      // A stale update is refused, and one with the revision that was seen is not.
      let seen: String = Self.revision(won.fields)
      #expect(try await patroni.put("/service/batman/leader", "pg-1", lease: lease, modified: seen).text.contains("\"succeeded\":true"))
      #expect(!(try await patroni.put("/service/batman/leader", "pg-2", modified: seen).text.contains("succeeded")))
      // `update_leader`: a transaction in the branch of another that failed.
      let (leader, other) = (Base64.encode(Bytes("/service/batman/leader")), Base64.encode(Bytes("pg-1")))
      let renewal = #"{"key": "\#(leader)", "value": "\#(other)", "lease": "\#(lease)"}"#
      let nested: String = try await patroni.call(
        "/v3/kv/txn",
        #"{"compare": [{"key": "\#(leader)", "target": "VALUE", "value": "eA=="}], "success": [{"request_put": \#(renewal)}], "failure": [{"request_txn": {"compare": [{"key": "\#(leader)", "target": "CREATE", "create_revision": "0"}], "success": [{"request_put": \#(renewal)}]}}]}"#
      ).text
      #expect(nested.contains("\"responses\":[{\"response_txn\":{") && !nested.contains("\"succeeded\":true"))
      let alive: String = try await patroni.call("/v3/lease/keepalive", #"{"ID": "\#(lease)"}"#).text
      #expect(alive.hasPrefix(#"{"result":{"#) && alive.contains(#""ID":"\#(lease)","TTL":"30"}}"#))
      // A lease that is gone has no TTL: Patroni asks for a new one.
      try await server.keyspace.revokeLease(id: try #require(Int64(lease)))
      let gone: String = try await patroni.call("/v3/lease/keepalive", #"{"ID": "\#(lease)"}"#).text
      #expect(gone.hasPrefix(#"{"result":{"#) && !gone.contains("TTL"))
      let refused = try await patroni.put("/service/batman/leader", "pg-1", lease: lease, created: 0)
      #expect(!refused.ok && Self.text(refused.fields["error"]) == "etcdserver: requested lease not found")
      guard case .number(let code)? = refused.fields["code"] else { throw GRPCStatus(.internal, "no code in \(refused.text)") }
      #expect(code == "5")
      let rest: String = try await patroni.call(
        "/v3/kv/range", #"{"key": "L3NlcnZpY2UvYmF0bWFuLw==", "range_end": "L3NlcnZpY2UvYmF0bWFuMA==", "serializable": true}"#
      ).text
      #expect(rest.contains(#""count":"1""#))
      // A switchover removes what it asked for, with and without having seen it.
      let failover: String = Self.revision(try await patroni.put("/service/batman/failover", "{}").fields)
      let key: String = Base64.encode(Bytes("/service/batman/failover"))
      let removal: String = try await patroni.call(
        "/v3/kv/txn",
        #"{"compare": [{"target": "MOD", "mod_revision": "\#(failover)", "key": "\#(key)"}], "success": [{"request_delete_range": {"key": "\#(key)"}}]}"#
      ).text
      #expect(removal.contains(#""response_delete_range":{"header":{"#) && removal.contains(#""deleted":"1""#))
      #expect(
        try await patroni.call("/v3/kv/deleterange", #"{"key": "L3NlcnZpY2UvYmF0bWFuLw==", "range_end": "L3NlcnZpY2UvYmF0bWFuMA=="}"#).text
          .contains(#""deleted":"1""#))
    }
  }

  @Test func `replicas hear through one endless watch that the leader is gone`() async throws {
    try await withServer { server in
      let patroni = Patroni(server: server)
      _ = try await patroni.put("/service/batman/leader", "pg-1")
      let listed = try await patroni.call("/v3/kv/range", #"{"key": "L3NlcnZpY2UvYmF0bWFuLw==", "range_end": "L3NlcnZpY2UvYmF0bWFuMA=="}"#)
      let log: String = server.folder + "/watch.log"
      let pid: pid_t = try startDetached(
        [
          "curl", "-sSN", "--http1.1", "--cacert", server.folder + "/ca.pem", "--cert", server.folder + "/c.pem", "--key",
          server.folder + "/c.key", "-d",
          #"{"create_request": {"key": "L3NlcnZpY2UvYmF0bWFuLw==", "range_end": "L3NlcnZpY2UvYmF0bWFuMA==", "start_revision": "\#(Self.revision(listed.fields))", "filters": []}}"#,
          "https://127.0.0.1:\(server.port)/v3/watch",
        ], log: log)
      defer {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
      // It begins with the revision of the list, and hears the last change of it once more.
      try await eventuallyTrue("the first event") { readFile(log).contains(#""events":[{"kv":{"key":"#) }
      _ = try await server.keyspace.transact(
        TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: Bytes("/service/batman/leader"))))]))
      try await eventuallyTrue("the deletion") { readFile(log).contains(#""events":[{"type":"DELETE","kv":{"key":"#) }
      for line in readFile(log).split(separator: "\n") { #expect(line.hasPrefix(#"{"result":{"header":{"#) && line.hasSuffix("}}")) }
    }
  }

  @Test func `with authentication it logs in, and again when its token has run out`() async throws {
    try await withServer { server in
      var patroni = Patroni(server: server)
      let none = try await patroni.call("/v3/auth/authenticate", #"{"name": "patroni", "password": "pw"}"#)
      #expect(!none.ok && Self.text(none.fields["error"]) == "etcdserver: authentication is not enabled")
      for (path, body) in [
        ("user/add", #"{"name":"root","password":"pw"}"#), ("user/grant", #"{"user":"root","role":"root"}"#),
        ("user/add", #"{"name":"patroni","password":"pw"}"#), ("role/add", #"{"name":"pg"}"#),
        ("role/grant", #"{"name":"pg","perm":{"permType":"READWRITE","key":"L3NlcnZpY2Uv","range_end":"L3NlcnZpY2Uw"}}"#),
        ("user/grant", #"{"user":"patroni","role":"pg"}"#), ("enable", "{}"),
      ] { #expect(try await patroni.call("/v3/auth/" + path, body).ok, "\(path)") }
      let wrong = try await patroni.call("/v3/auth/authenticate", #"{"name": "patroni", "password": "wrong"}"#)
      #expect(Self.text(wrong.fields["error"]) == "etcdserver: authentication failed, invalid user ID or password")
      patroni.token = "nonsense"
      #expect(Self.text(try await patroni.put("/service/x", "1").fields["error"]) == "etcdserver: invalid auth token")
      patroni.token = nil
      patroni.token = Self.text(try await patroni.call("/v3/auth/authenticate", #"{"name": "patroni", "password": "pw"}"#).fields["token"])
      #expect(try await patroni.put("/service/x", "1").ok)
      #expect(Self.text(try await patroni.put("/other", "1").fields["error"]) == "etcdserver: permission denied")
    }
  }
}
