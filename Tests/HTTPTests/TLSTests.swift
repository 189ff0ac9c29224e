import Glibc
import HTTP
import HTTPTypes
import NIOCore
import Primitives
import Processes
import TLS
import Testing

/// One authority and a certificate for each side.
struct TestPKI {
  let authority: CertificateAuthority
  let server: TLSContext
  let client: TLSContext
  let stranger: TLSContext
  let clientIdentity: TLSIdentity

  /// For connections that are to leave HTTP: HTTP/2 cannot.
  func http1Client() throws -> TLSContext {
    try TLSContext.client(
      identity: .fixed(clientIdentity), trust: .fixed(authority.trust), applicationProtocols: ["http/1.1"], logger: quiet("tls"))
  }

  init() throws {
    let now: WallTime = SystemClock().wall()
    authority = try CertificateAuthority.create(commonName: "test authority", lifetime: .seconds(3600), now: now)
    var leaf = LeafDescription(commonName: "server")
    leaf.addresses = ["127.0.0.1"]
    leaf.dnsNames = ["localhost"]
    let other = try CertificateAuthority.create(commonName: "another authority", lifetime: .seconds(3600), now: now)
    var person = LeafDescription(commonName: "alice", organizations: ["admins"])
    person.usages = [.client]
    clientIdentity = try authority.issue(person, now: now)
    let alpn: [String] = HTTPServerConfiguration.applicationProtocols
    server = try TLSContext.server(
      identity: .fixed(try authority.issue(leaf, now: now)), trust: .fixed(authority.trust), applicationProtocols: alpn,
      logger: quiet("tls"))
    client = try TLSContext.client(
      identity: .fixed(clientIdentity), trust: .fixed(authority.trust), applicationProtocols: alpn, logger: quiet("tls"))
    stranger = try TLSContext.client(
      identity: .fixed(try other.issue(person, now: now)), trust: .fixed(authority.trust), applicationProtocols: alpn, logger: quiet("tls"))
  }
}

@Suite struct TLSTests {
  private func withServer(_ pki: TestPKI, _ body: (Int) async throws -> Void) async throws {
    let server = HTTPServer(
      HTTPServerConfiguration(
        address: .host("127.0.0.1", port: 0), tls: pki.server, logger: quiet("server"), grace: .milliseconds(100)),
      responder: EchoResponder())
    try await server.start()
    do { try await body(try #require(server.port)) } catch { Issue.record(error) }
    await server.shutdown()
  }

  @Test func negotiatesAndTellsWhoAsks() async throws {
    let pki = try TestPKI()
    try await withServer(pki) { port in
      for version in [HTTPClientConfiguration.Version.automatic, .http2] {
        let client = HTTPClient(
          patient: HTTPClientConfiguration(
            targets: [.host("127.0.0.1", port: port)], tls: pki.client, version: version, logger: quiet("client")))
        let who: String = try await client.execute(request(.get, "/peer"), body: nil).body.text()
        #expect(who == "alice")
        let big = ByteBuffer(repeating: 7, count: 2_000_000)
        let echo: ByteBuffer = try await client.execute(request(.post, "/echo"), body: big).body.collect(upTo: 3_000_000)
        #expect(echo == big)
        client.close()
      }
    }
  }

  @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
    let pki = try TestPKI()
    try await withServer(pki) { port in
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], tls: pki.stranger, logger: quiet("client")))
      await #expect(throws: HTTPError.self) { _ = try await client.execute(request(.get, "/peer"), body: nil) }
      client.close()
    }
  }

  @Test func aListenerJudgesWhoMayComeIn() async throws {
    let pki = try TestPKI()
    for (judgement, comesIn) in [(nil, true), ("alice is not on the list", false)] as [(String?, Bool)] {
      let server = HTTPServer(
        HTTPServerConfiguration(
          address: .host("127.0.0.1", port: 0), tls: pki.server, verifyPeer: { $0.commonName == "alice" ? judgement : "who is that" },
          logger: quiet("server"), grace: .milliseconds(100)),
        responder: EchoResponder())
      try await server.start()
      let port: Int = try #require(server.port)
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], tls: pki.client, logger: quiet("client")))
      let who: String? = try? await client.execute(request(.get, "/peer"), body: nil).body.text()
      #expect((who == "alice") == comesIn)
      client.close()
      await server.shutdown()
    }
  }

  @Test func plainTextOnATLSPortIsRefusedAndCostsNothing() async throws {
    let pki = try TestPKI()
    try await withServer(pki) { port in
      let plain = HTTPClient(patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], logger: quiet("client")))
      await #expect(throws: HTTPError.self) { _ = try await plain.execute(request(.get, "/peer"), body: nil) }
      plain.close()
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], tls: pki.client, logger: quiet("client")))
      let who: String = try await client.execute(request(.get, "/peer"), body: nil).body.text()
      #expect(who == "alice")
      client.close()
    }
  }

  @Test(.enabled(if: access("/usr/bin/curl", X_OK) == 0, "curl is not installed"))
  func curlSpeaksBothVersions() async throws {
    let pki = try TestPKI()
    let folder: String = "/tmp/tricenter-curl-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    #expect(mkdir(folder, 0o700) == 0)
    defer {
      for file in ["c.pem", "c.key", "ca.pem", "ca.key"] { unlink("\(folder)/\(file)") }
      rmdir(folder)
    }
    try pki.clientIdentity.write(certificateFile: folder + "/c.pem", keyFile: folder + "/c.key")
    try pki.authority.write(certificateFile: folder + "/ca.pem", keyFile: folder + "/ca.key")
    try await withServer(pki) { port in
      for version in ["--http1.1", "--http2"] {
        let output: String = try await curl([
          version, "-sS", "--cacert", folder + "/ca.pem", "--cert", folder + "/c.pem", "--key", folder + "/c.key", "-w", " %{http_version}",
          "https://127.0.0.1:\(port)/peer", "-d", "@/etc/hostname", "https://127.0.0.1:\(port)/hello",
        ])
        let number: String = version == "--http2" ? "2" : "1.1"
        let expected: String = "alice \(number)hello POST \(number)"
        #expect(output == expected)
      }
    }
  }

  private func curl(_ arguments: [String]) async throws -> String { try await Command(["curl"] + arguments, timeout: .seconds(60)).run() }
}
