import HTTP
import Keyspace
import NIOCore
import Primitives
import TLS
import Testing

@testable import EtcdAPI

/// Debian's etcdctl as an operator who turns authentication on.
@Suite(.serialized, .enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
struct AuthTests {
  @Test func usersRolesAndPermissions() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      #expect(try await server.etcdctl("auth", "enable").errors.contains("etcdserver: root user does not exist"))
      #expect(try await server.etcdctl("user", "add", "root:top").output == "User root created\n")
      #expect(try await server.etcdctl("user", "add", "root:top").errors.contains("etcdserver: user name already exists"))
      #expect(try await server.etcdctl("user", "add", "alice:wonder").output == "User alice created\n")
      #expect(try await server.etcdctl("role", "add", "reader").output == "Role reader created\n")
      #expect(try await server.etcdctl("role", "add", "writer").output == "Role writer created\n")
      #expect(try await server.etcdctl("role", "grant-permission", "reader", "read", "a", "b").output == "Role reader updated\n")
      #expect(try await server.etcdctl("role", "grant-permission", "--prefix", "writer", "readwrite", "a/w/").status == 0)
      #expect(try await server.etcdctl("user", "grant-role", "alice", "nobody").errors.contains("etcdserver: role name not found"))
      for role in ["reader", "writer"] { #expect(try await server.etcdctl("user", "grant-role", "alice", role).status == 0) }
      // etcdctl gives the root user its role by itself when it is told that it has none.
      _ = try await server.etcdctl("put", "a/r/1", "before")
      #expect(try await server.etcdctl("auth", "enable").output == "Authentication Enabled\n")

      // Without a token the certificate's common name is the user; there is none of that name.
      #expect(try await server.etcdctl("get", "a/r/1").errors.contains("etcdserver: permission denied"))
      #expect(
        try await server.etcdctl("--user", "root:wrong", "get", "a").errors.contains("authentication failed, invalid user ID or password"))
      #expect(try await server.etcdctl("--user", "root:top", "get", "a/r/1").output == "a/r/1\nbefore\n")
      func alice(_ arguments: String..., input: String = "") async throws -> (status: Int32, output: String, errors: String) {
        try await server.run(["--user", "alice:wonder"] + arguments, input: input)
      }
      #expect(try await alice("get", "a/r/1").output == "a/r/1\nbefore\n")
      #expect(try await alice("get", "--prefix", "").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("put", "a/r/1", "x").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("put", "a/w/1", "x").output == "OK\n")
      #expect(try await alice("del", "--prefix", "a/w/").output == "1\n")
      #expect(try await alice("del", "--prefix", "a/").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("txn", input: "\nput a/w/2 y\nget a/r/1\n\n\n").output == "SUCCESS\n\nOK\n\na/r/1\nbefore\n")
      #expect(try await alice("txn", input: "\nput a/w/2 y\nput a/r/1 y\n\n\n").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("txn", input: "value(\"z\") = \"1\"\n\nput a/w/2 y\n\n\n").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("compact", "2").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("snapshot", "save", server.folder + "/no.db").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("user", "add", "mallory:m").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("user", "list").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("user", "get", "alice").output == "User: alice\nRoles: reader writer\n")
      #expect(try await alice("role", "get", "writer").output.contains("[a/w/, a/w0) (prefix a/w/)"))
      #expect(try await alice("watch", "z").errors.contains("etcdserver: permission denied"))
      #expect(try await alice("endpoint", "status").output.contains("3.6.0"))

      // Leases: who may not write what hangs on one cannot end it, nor hang something else on it.
      let root: [String] = ["--user", "root:top"]
      let words: [Substring] = try await server.run(root + ["lease", "grant", "60"]).output.split(separator: " ")
      let lease = String(words[1])
      #expect(try await server.run(root + ["put", "--lease", lease, "secret", "1"]).output == "OK\n")
      #expect(try await alice("lease", "revoke", lease).errors.contains("etcdserver: permission denied"))
      #expect(try await alice("lease", "timetolive", "--keys", lease).errors.contains("etcdserver: permission denied"))
      #expect(try await alice("put", "--lease", lease, "a/w/3", "x").errors.contains("etcdserver: permission denied"))

      // A changed permission counts at once, a changed password too.
      #expect(try await server.run(root + ["role", "revoke-permission", "reader", "a", "b"]).status == 0)
      #expect(try await alice("get", "a/r/1").errors.contains("etcdserver: permission denied"))
      #expect(try await server.run(root + ["user", "delete", "root"]).errors.contains("etcdserver: invalid auth management"))
      #expect(try await server.run(root + ["user", "passwd", "--interactive=false", "alice"], input: "new\n").status == 0)
      #expect(try await alice("get", "a/w/2").errors.contains("authentication failed"))
      #expect(try await server.run(root + ["auth", "disable"]).output == "Authentication Disabled\n")
      #expect(try await server.etcdctl("get", "a/r/1").output == "a/r/1\nbefore\n")
    }
  }

  @Test func aCertificatesNameIsAUser() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      for arguments in [
        ["user", "add", "root:r"], ["user", "grant-role", "root", "root"], ["user", "add", "operator", "--no-password"],
        ["role", "add", "o"],
        ["role", "grant-permission", "o", "readwrite", "mine"], ["user", "grant-role", "operator", "o"], ["auth", "enable"],
      ] {
        let outcome = try await server.run(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
      }
      #expect(try await server.etcdctl("put", "mine", "1").output == "OK\n")
      #expect(try await server.etcdctl("put", "other", "1").errors.contains("etcdserver: permission denied"))
    }
  }
}

@Suite struct AuthStateTests {
  private func range(_ key: String, _ end: String? = nil) -> KeyRange { KeyRange(key: Bytes(key), end: end.map { Bytes($0) }) }
  private func permission(_ key: String, _ end: String = "") -> AuthPermission {
    AuthPermission(kind: .readWrite, key: Bytes(key), end: Bytes(end))
  }

  @Test func permittedRangesSideBySideAreOne() {
    let permitted = PermittedRanges([permission("b", "d"), permission("a", "b"), permission("x"), permission("d", "e")])
    #expect(permitted.intervals.count == 2)
    #expect(permitted.covers(range("a", "e")) && permitted.covers(range("c")) && permitted.covers(range("x")))
    #expect(!permitted.covers(range("a", "f")) && !permitted.covers(range("e")) && !permitted.covers(range("x", "y")))
    #expect(!permitted.covers(range("a", "\0")))
    let open = PermittedRanges([permission("m", "\0"), permission("p", "q")])
    #expect(open.covers(range("z", "\0")) && open.covers(range("m")) && !open.covers(range("l", "n")) && !open.covers(range("\0", "\0")))
    #expect(PermittedRanges([]).covers(range("a")) == false)
  }

  @Test func nestedTransactionsAreCheckedWhole() throws {
    var state = AuthState()
    for change: AuthChange in [
      .addUser(name: "u", password: [], noPassword: true), .addRole(name: "r"), .grantRole(user: "u", role: "r"),
      .grantPermission(role: "r", permission("a", "c")),
    ] { _ = try state.apply(change) }
    let caller = Caller(tables: AuthTables(state), version: 1, name: "u")
    let put = PutRequest(key: Bytes("a"), value: [], lease: 7)
    let inside = TransactionRequest(success: [], failure: [.transaction(TransactionRequest(success: [.put(put)]))])
    #expect(inside.leases == [7])
    try caller.mayRun(inside) { _ in [Bytes("b")] }
    #expect(throws: GRPCStatus.denied) { try caller.mayRun(inside) { _ in [Bytes("x")] } }
    let outside = TransactionRequest(
      success: [], failure: [.transaction(TransactionRequest(success: [], failure: [.delete(DeleteRequest(range("b", "d")))]))])
    #expect(throws: GRPCStatus.denied) { try caller.mayRun(outside) { _ in [] } }
    #expect(throws: GRPCStatus.userEmpty) { try Caller(tables: AuthTables(state), version: 1, name: nil).mayRun(inside) { _ in [] } }
    #expect(throws: GRPCStatus.userNotFound) { try Caller(tables: AuthTables(state), version: 1, name: "v").requireAdmin() }
  }

  @Test func theFormIsStrictAndWhole() throws {
    var state = AuthState()
    for change: AuthChange in [
      .addUser(name: "root", password: [1], noPassword: false), .addUser(name: "é", password: [], noPassword: true), .addRole(name: "r"),
      .grantRole(user: "é", role: "r"), .grantRole(user: "root", role: "root"), .grantPermission(role: "r", permission("k", "l")),
      .enable(tokenKey: [9]),
    ] { #expect(try state.apply(change)) }
    #expect(state.revision == 7 && state.enabled)
    let bytes: Bytes = state.encode()
    #expect(try AuthState(bytes) == state)
    for cut in 0..<bytes.count { #expect(throws: MalformedBytes.self) { try AuthState(Bytes(bytes[..<cut])) } }
    #expect(throws: GRPCStatus.invalidManagement) { try state.apply(.grantPermission(role: "r", permission("l", "k"))) }
    #expect(throws: GRPCStatus.permissionNotGranted) { try state.apply(.revokePermission(role: "r", key: [1], end: [])) }
    #expect(try state.apply(.deleteRole(name: "r")) && state.users["é"]?.roles == [])
  }

  @Test func tokens() throws {
    let now = WallTime(secondsSince1970: 1_000)
    let later = WallTime(secondsSince1970: 1_300)
    let token: String = SimpleToken.make(user: "u", generation: 4, key: [1, 2], expires: later)
    #expect(SimpleToken.verify(token, key: [1, 2], now: now) == TokenClaims(user: "u", generation: 4))
    #expect(SimpleToken.verify(token, key: [1, 2], now: later) == nil)
    #expect(SimpleToken.verify(token, key: [1, 3], now: now) == nil)
    #expect(SimpleToken.verify(token + "A", key: [1, 2], now: now) == nil && SimpleToken.verify(".", key: [], now: now) == nil)
    let key: PrivateKey = .generate(.p256)
    let all: [JSONWebTokens] = [
      try JSONWebTokens(.es256, privateKey: key, publicKey: nil),
      try JSONWebTokens(.edDSA, privateKey: .generate(.ed25519), publicKey: nil),
      JSONWebTokens(secret: [5, 6, 7]),
    ]
    for tokens in all {
      let token: String = try #require(tokens.make(user: "a\"b", revision: 9, now: now))
      #expect(tokens.verify(token, now: now) == TokenClaims(user: "a\"b", generation: nil))
      #expect(tokens.verify(token, now: WallTime(secondsSince1970: 1_301)) == nil)
      for other in all where other.method != tokens.method { #expect(other.verify(token, now: now) == nil) }
    }
    #expect(PasswordHash.matches(Bytes("pw"), PasswordHash.make(Bytes("pw"))))
    #expect(!PasswordHash.matches(Bytes("pv"), PasswordHash.make(Bytes("pw"))) && !PasswordHash.matches([], []))
  }
}
