import Glibc
import HTTP
import Keyspace
import NIOCore
import Primitives
import TLS
import Testing

@testable import EtcdAPI

/// What an operator chooses by etcd's flags.
@Suite(.serialized) struct OptionTests {
  @Test func limitsMayBeLowered() async throws {
    var options = EtcdOptions()
    options.maxRequestBytes = 1_000
    options.maxTransactionOperations = 2
    try await withServer(options: options) { server in
      let store: EtcdStore = server.store
      #expect(try await store.put(Bytes("k"), Bytes(repeating: 1, count: 900)) == 2)
      await #expect(throws: KeyspaceError(.requestTooLarge, "")) { _ = try await store.put(Bytes("k"), Bytes(repeating: 1, count: 1_000)) }
      func puts(_ count: Int) -> [Operation] { (0..<count).map { .put(PutRequest(key: Bytes("t/\($0)"), value: [])) } }
      _ = try await store.transact(TransactionRequest(success: puts(2)))
      await #expect(throws: KeyspaceError(.tooManyOperations, "")) { _ = try await store.transact(TransactionRequest(success: puts(3))) }
      let nested = TransactionRequest(success: [.transaction(TransactionRequest(success: puts(2)))])
      await #expect(throws: KeyspaceError(.tooManyOperations, "")) { _ = try await store.transact(nested) }
    }
  }

  @Test func theQuotasDefaultIsEtcds() {
    var options = EtcdOptions()
    #expect(options.quota == 2_147_483_648)
    options.quotaBackendBytes = -1
    #expect(options.quota == nil)
  }

  @Test func tokensByTheFlag() throws {
    let folder: String = "/tmp/tricenter-etcd-flag-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    mkdir(folder, 0o700)
    let (privateFile, publicFile, secretFile) = (folder + "/private.pem", folder + "/public.pem", folder + "/secret")
    defer {
      for file in [privateFile, publicFile, secretFile] { unlink(file) }
      rmdir(folder)
    }
    let key: PrivateKey = .generate(.p256)
    try SecretFile.write(key.pem, to: privateFile)
    try SecretFile.write(try key.publicKey.pem, to: publicFile, mode: 0o644)
    try SecretFile.write(Bytes("secret"), to: secretFile)
    let now = WallTime(secondsSince1970: 1_000)
    func tokens(_ flag: String) throws -> JSONWebTokens {
      guard case .jwt(let tokens) = try EtcdTokens(flag: flag) else { throw KeyspaceError(.unsupported, "not a JWT") }
      return tokens
    }
    let signing: JSONWebTokens = try tokens("jwt,priv-key=\(privateFile),sign-method=ES256,ttl=1h30m")
    #expect(signing.lifetime == .seconds(5_400))
    let verifying: JSONWebTokens = try tokens("jwt,pub-key=\(publicFile),sign-method=ES256")
    let token: String = try #require(signing.make(user: "u", revision: 3, now: now))
    #expect(verifying.verify(token, now: now)?.user == "u" && verifying.make(user: "u", revision: 3, now: now) == nil)
    #expect(try tokens("jwt,priv-key=\(secretFile),sign-method=HS256").make(user: "u", revision: 1, now: now) != nil)
    for bad in [
      "other", "jwt", "jwt,sign-method=PS512,priv-key=\(privateFile)", "jwt,sign-method=ES256",
      "jwt,sign-method=ES256,priv-key=a,priv-key=b",
      "jwt,sign-method=ES256,priv-key=\(privateFile),ttl=soon", "jwt,sign-method",
    ] { #expect(throws: KeyspaceError(.unsupported, "")) { try EtcdTokens(flag: bad) } }
    #expect(throws: (any Error).self) { try EtcdTokens(flag: "jwt,sign-method=ES256,priv-key=/nowhere") }
    // The key of a JWT is taken from a file that others cannot read.
    chmod(privateFile, 0o644)
    #expect(throws: (any Error).self) { try EtcdTokens(flag: "jwt,sign-method=ES256,priv-key=\(privateFile)") }
  }
}
