import Glibc
import HTTP
import Keyspace
import NIOCore
import Primitives
import Processes
import Testing

@testable import EtcdAPI

/// The JSON gateway as curl sees it, and its two translations.
@Suite(.serialized) struct GatewayTests {
  private func curl(_ server: TestServer, _ path: String, _ body: String?, _ more: String...) async throws -> String {
    var arguments: [String] = [
      "curl", "-sS", "--cacert", server.folder + "/ca.pem", "--cert", server.folder + "/c.pem", "--key", server.folder + "/c.key",
    ]
    if let body { arguments += ["-X", "POST", "-d", body] }
    return try await Command(arguments + more + ["https://127.0.0.1:\(server.port)" + path]).outcome().output.text
  }

  @Test func unaryCalls() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      let header: String = #""header":{"cluster_id":"193","member_id":"161","revision":"2","raft_term":"7"}"#
      #expect(try await curl(server, "/v3/kv/put", #"{"key":"Zm9v","value":"YmFy"}"#) == "{\(header)}")
      let range: String =
        #"{\#(header),"kvs":[{"key":"Zm9v","create_revision":"2","mod_revision":"2","version":"1","value":"YmFy"}],"count":"1"}"#
      #expect(try await curl(server, "/v3/kv/range", #"{"key":"Zm9v"}"#) == range)
      #expect(
        try await curl(server, "/v3/kv/range", #"{"key":"Zm9v","limit":"5","sort_order":"DESCEND","sortTarget":2}"#, "--http1.1") == range)
      let compare: String = #"{"compare":[{"key":"Zm9v","result":"EQUAL","target":"VALUE","value":"YmFy"}]"#
      let txn: String = try await curl(
        server, "/v3/kv/txn",
        compare + #","success":[{"requestPut":{"key":"Zm9v","value":"Yg==","prev_kv":true}},{"request_range":{"key":"Zm9v"}}]}"#)
      #expect(txn.contains(#""succeeded":true,"responses":[{"response_put":{"header":{"revision":"3"},"prev_kv":{"key":"Zm9v","#))
      #expect(try await curl(server, "/v3/maintenance/status", "{}").contains(#""dbSize":"20480","leader":"161","raftIndex":"42""#))
      #expect(
        try await curl(server, "/v3/cluster/member/list", "").contains(
          #"{"ID":"161","name":"prod-1","peerURLs":["https://127.0.0.1:2380"]"#))
      #expect(try await curl(server, "/v3/lease/grant", #"{"TTL":30,"ID":"77"}"#).contains(#""ID":"77","TTL":"30""#))
      #expect(try await curl(server, "/v3/kv/lease/timetolive", #"{"ID":77,"keys":true}"#).contains(#""grantedTTL":"30""#))
    }
  }

  @Test func errorsHaveTheGatewaysForm() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      let write: [String] = ["-w", " %{http_code}"]
      #expect(
        try await curl(server, "/v3/kv/range", #"{"key":""}"#, write[0], write[1])
          == #"{"code":3,"message":"etcdserver: key is not provided","error":"etcdserver: key is not provided"} 400"#)
      #expect(
        try await curl(server, "/v3/lease/revoke", #"{"ID":"5"}"#, write[0], write[1])
          == #"{"code":5,"message":"etcdserver: requested lease not found","error":"etcdserver: requested lease not found"} 404"#)
      #expect(try await curl(server, "/v3/none", "{}", write[0], write[1]) == #"{"code":5,"message":"Not Found","error":"Not Found"} 404"#)
      #expect(
        try await curl(server, "/v3/kv/range", nil, write[0], write[1])
          == #"{"code":12,"message":"Method Not Allowed","error":"Method Not Allowed"} 501"#)
      for bad in ["{", "[]", #"{"key":5}"#, #"{"key":"!"}"#, #"{"limit":"x"}"#, "{\"key\":\"\u{1}\"}", #"{"key":"YQ=="} x"#] {
        #expect(try await curl(server, "/v3/kv/range", bad, write[0], write[1]).hasSuffix(" 400"), "\(bad)")
      }
      #expect(try await curl(server, "/v3/kv/range", #"{"key":"YQ==","unknown":{"a":[1,2]},"range_end":null}"#).contains("header"))
      #expect(
        try await curl(server, "/v3/election/leader", #"{"name":"YQ=="}"#, write[0], write[1])
          == #"{"code":2,"message":"election: no leader","error":"election: no leader"} 500"#)
    }
  }

  @Test func streams() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      for value in 1...3 { _ = try await server.keyspace.put(Bytes("w"), Bytes("\(value)")) }
      let watch: String = try await curl(
        server, "/v3/watch", #"{"create_request":{"key":"dw==","start_revision":"2"}}{"cancel_request":{}}"#, "-N", "--max-time", "20")
      let lines: [Substring] = watch.split(separator: "\n")
      #expect(lines.first?.hasPrefix(#"{"result":{"header":{"cluster_id":"193""#) ?? false)
      #expect(watch.contains(#""created":true"#) || watch.contains(#""canceled":true"#))
      let snapshot: String = try await curl(server, "/v3/maintenance/snapshot", "{}")
      #expect(snapshot.contains(#""remaining_bytes":"#) && snapshot.contains(#""blob":"dHJpY2VudGVyIHN0b3JlIHNuYXBzaG90"#))
      _ = try await server.keyspace.grantLease(ttlSeconds: 30, id: 9)
      let alive: String = try await curl(server, "/v3/lease/keepalive", #"{"ID":9}{"ID":"10"}"#)
      #expect(alive.contains(#""ID":"9","TTL":"30"}}"#) && alive.split(separator: "\n").count == 2)
      let stream: String = try await curl(server, "/v3/watch", #"{"create_request":"#)
      let refusal: String = #""message":"unexpected EOF at byte 18","grpc_code":3,"http_code":400,"http_status":"Bad Request"}}"#
      #expect(stream == #"{"error":{"code":3,"# + refusal + "\n")
    }
  }

  @Test func aWatchGoesOnAfterTheRequestsEnd() async throws {
    try await withServer { server in
      let log: String = server.folder + "/watch.log"
      let pid: pid_t = try startDetached(
        [
          "curl", "-sSN", "--cacert", server.folder + "/ca.pem", "--cert", server.folder + "/c.pem", "--key", server.folder + "/c.key",
          "-d",
          #"{"create_request":{"key":"dw=="}}"#, "https://127.0.0.1:\(server.port)/v3/watch",
        ], log: log)
      try await eventually("it watches") { server.keyspace.watchFigures.waiting == 1 }
      _ = try await server.keyspace.put(Bytes("w"), Bytes("live"))
      try await eventuallyTrue("the event is told") { readFile(log).contains(#""value":"bGl2ZQ=="}}]}}"#) }
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      try await eventually("no watch is left") { server.keyspace.watchFigures.open == 0 }
    }
  }

  @Test func tokensComeInTheAuthorizationField() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      for (path, body) in [
        ("user/add", #"{"name":"root","password":"pw"}"#), ("user/grant", #"{"user":"root","role":"root"}"#), ("enable", "{}"),
      ] { #expect(try await curl(server, "/v3/auth/" + path, body).hasPrefix(#"{"header":"#)) }
      #expect(
        try await curl(server, "/v3/kv/put", #"{"key":"Zm9v"}"#)
          == #"{"code":7,"message":"etcdserver: permission denied","error":"etcdserver: permission denied"}"#)
      let answer: String = try await curl(server, "/v3/auth/authenticate", #"{"name":"root","password":"pw"}"#)
      guard case .object(let fields) = try JSONTree(Bytes(answer)), case .string(let token)? = fields["token"] else {
        Issue.record("no token in \(answer)")
        return
      }
      #expect(try await curl(server, "/v3/kv/put", #"{"key":"Zm9v"}"#, "-H", "Authorization: \(token)").contains(#""revision":"2""#))
      #expect(
        try await curl(server, "/v3/kv/put", #"{"key":"Zm9v"}"#, "-H", "Authorization: x", "-w", " %{http_code}")
          == #"{"code":16,"message":"etcdserver: invalid auth token","error":"etcdserver: invalid auth token"} 401"#)
      #expect(
        try await curl(server, "/v3/auth/status", "{}", "-H", "Authorization: \(token)").contains(#""enabled":true,"authRevision":"3""#))
      let status: EtcdStore = try await server.store.authenticated(name: "root", password: "pw")
      #expect(try await status.put(Bytes("as"), Bytes("root")) == 3)
    }
  }

  @Test func everyRouteHasItsMessages() {
    for (path, route) in GatewayRoute.all {
      #expect(EtcdSchema.messages[route.request] != nil && EtcdSchema.messages[route.response] != nil, "\(path)")
    }
    #expect(GatewayRoute.all.count == 51)
  }
}

func readFile(_ path: String) -> String {
  let descriptor: Int32 = open(path, O_RDONLY)
  guard descriptor >= 0 else { return "" }
  defer { close(descriptor) }
  var bytes: Bytes = Bytes(repeating: 0, count: 65_536)
  let count: Int = read(descriptor, &bytes, bytes.count)
  return Bytes(bytes.prefix(max(0, count))).text
}
