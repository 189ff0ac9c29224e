import Logging
import NIOCore
import NIOEmbedded
import Primitives
import Testing

@testable import TLS

@Suite struct HandshakeTests {
  let authorities: Authorities
  init() throws { authorities = try Authorities() }

  @Test(arguments: [1, 7, 1000, Int.max]) func bothSidesLearnWhoTheOtherIs(chunk: Int) throws {
    let pair = try Pair(
      authorities.clientContext().makeHandler(serverName: "prod-1.example"), authorities.serverContext().makeHandler())
    // Written before the handshake: must wait for it.
    pair.client.writeAndFlush(ByteBuffer(string: "early "), promise: nil)
    try pair.carry(chunk: chunk)
    let uri: String = "tricenter://bank/center/production/host/prod-1/daemon/store"
    let client = PeerIdentity(commonName: "client", organizations: ["system:masters", "people"], uris: [uri])
    #expect(pair.serverSide.completed == [TLSHandshakeCompleted(alpn: "h2", peer: client)])
    #expect(pair.clientSide.completed.first?.peer?.commonName == "server")
    #expect(pair.clientSide.completed.first?.peer?.process?.host == "prod-1")

    let large: Bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    pair.client.write(ByteBuffer(string: "hello "), promise: nil)
    pair.client.writeAndFlush(ByteBuffer(bytes: large), promise: nil)
    pair.server.writeAndFlush(ByteBuffer(string: "back"), promise: nil)
    try pair.carry(chunk: chunk)
    #expect(pair.serverSide.received == Bytes("early hello ") + large)
    #expect(pair.clientSide.received == Bytes("back"))

    pair.client.close(promise: nil)
    try pair.carry(chunk: chunk)
    #expect(pair.serverSide.inactive)
    #expect(pair.serverSide.errors.isEmpty && pair.clientSide.errors.isEmpty)
  }

  @Test func oneFlushOfManySmallWritesIsOneRecord() throws {
    let pair = try Pair(authorities.clientContext().makeHandler(serverName: "localhost"), authorities.serverContext().makeHandler())
    try pair.carry()
    var done: Int = 0
    for _ in 0..<50 {
      let promise: EventLoopPromise<Void> = pair.loop.makePromise()
      promise.futureResult.assumeIsolated().whenSuccess { done += 1 }
      pair.client.write(ByteBuffer(repeating: 7, count: 200), promise: promise)
    }
    #expect(try pair.client.readOutbound(as: ByteBuffer.self) == nil)
    pair.client.flush()
    // 10,000 bytes, one header of 5, one content type, one tag of 16 (RFC 8446 section 5.2).
    let record: ByteBuffer = try #require(try pair.client.readOutbound())
    #expect(record.readableBytes == 10_000 + 22)
    #expect(try pair.client.readOutbound(as: ByteBuffer.self) == nil)
    #expect(done == 50)
    try pair.server.writeInbound(record)
    #expect(pair.serverSide.received.count == 10_000)
    #expect(pair.serverSide.reads == 1)
  }

  private func refused(
    client: TLSHandler, server: TLSHandler, chunk: Int = .max
  ) throws -> (client: [TLSError.Code], server: [TLSError.Code], sentences: String) {
    let pair = try Pair(client, server)
    try pair.carry(chunk: chunk)
    let sentences: String = (pair.clientSide.errors + pair.serverSide.errors).map(\.message).joined(separator: "\n")
    return (pair.clientSide.errors.map(\.code), pair.serverSide.errors.map(\.code), sentences)
  }

  @Test func aServerOfAnotherAuthorityIsRefused() throws {
    let server: TLSIdentity = try authorities.other.issue(Authorities.leaf("server"), now: now)
    let result = try refused(
      client: authorities.clientContext().makeHandler(serverName: "localhost"),
      server: authorities.serverContext { $0.identity = .fixed(server) }.makeHandler())
    #expect(result.client == [.certificateUntrusted])
    #expect(result.server == [.refusedByPeer])
  }

  @Test func aClientOfAnotherAuthorityIsRefused() throws {
    let client: TLSIdentity = try authorities.other.issue(Authorities.leaf("client"), now: now)
    let result = try refused(
      client: authorities.clientContext { $0.identity = .fixed(client) }.makeHandler(serverName: "localhost"),
      server: authorities.serverContext().makeHandler())
    #expect(result.server == [.certificateUntrusted])
    #expect(result.client == [.refusedByPeer])
    #expect(result.sentences.contains("unknown ca"))
  }

  @Test func anExpiredCertificateIsRefused() throws {
    var leaf: LeafDescription = Authorities.leaf("old")
    leaf.lifetime = .seconds(3600)
    let old: TLSIdentity = try authorities.ours.issue(leaf, now: WallTime(secondsSince1970: now.secondsSince1970 - 7200))
    let server = try refused(
      client: authorities.clientContext().makeHandler(serverName: "localhost"),
      server: authorities.serverContext { $0.identity = .fixed(old) }.makeHandler())
    #expect(server.client == [.certificateExpired])
    #expect(server.sentences.contains("has expired (\"old\", valid from 20"))
    let client = try refused(
      client: authorities.clientContext { $0.identity = .fixed(old) }.makeHandler(serverName: "localhost"),
      server: authorities.serverContext().makeHandler())
    #expect(client.server == [.certificateExpired])
  }

  @Test func aClientWithoutCertificateIsRefusedWhereOneIsRequired() throws {
    let result = try refused(
      client: authorities.clientContext { $0.identity = nil }.makeHandler(serverName: "localhost"),
      server: authorities.serverContext().makeHandler())
    #expect(result.server == [.noCertificate])
    #expect(result.client == [.refusedByPeer])
  }

  @Test func aClientWithoutCertificateIsLetInWhereOneIsOnlyRequested() throws {
    let pair = try Pair(
      authorities.clientContext { $0.identity = nil }.makeHandler(serverName: "localhost"),
      authorities.serverContext { $0.clientCertificates = .requested }.makeHandler())
    try pair.carry()
    #expect(pair.serverSide.completed == [TLSHandshakeCompleted(alpn: "h2", peer: nil)])
  }

  @Test(arguments: ["elsewhere.example", "127.0.0.2", "::2", "prod-1", "bad name"]) func aWrongNameIsRefused(name: String) throws {
    let result = try refused(
      client: authorities.clientContext().makeHandler(serverName: name), server: authorities.serverContext().makeHandler())
    #expect(result.client == [.wrongName])
  }

  @Test(arguments: ["127.0.0.1", "::1", "localhost", "localhost."]) func aRightNameIsAccepted(name: String) throws {
    let pair = try Pair(authorities.clientContext().makeHandler(serverName: name), authorities.serverContext().makeHandler())
    try pair.carry()
    #expect(pair.clientSide.completed.count == 1)
  }

  @Test func theCertificateOfAnotherCenterIsRefusedInBothDirections() throws {
    let remote: TLSIdentity = try authorities.client(center: "remote-dr")
    let rule: PeerVerification = IdentityURI.expect(federation: "bank", center: "production", host: "prod-1", daemons: ["store"])
    let server = try refused(
      client: authorities.clientContext { $0.identity = .fixed(remote) }.makeHandler(serverName: "localhost"),
      server: authorities.serverContext().makeHandler(verify: rule), chunk: 1)
    #expect(server.server == [.refused])
    #expect(server.client == [.refusedByPeer])
    #expect(server.sentences.contains("its certificate is for center remote-dr, not production"))
    let client = try refused(
      client: authorities.clientContext().makeHandler(serverName: "localhost", verify: rule),
      server: authorities.serverContext { $0.identity = .fixed(remote) }.makeHandler())
    #expect(client.client == [.refused])
  }

  @Test func noCommonApplicationProtocolIsRefused() throws {
    let result = try refused(
      client: authorities.clientContext { $0.applicationProtocols = ["smtp"] }.makeHandler(serverName: "localhost"),
      server: authorities.serverContext().makeHandler())
    #expect(result.server == [.handshakeFailed])
    #expect(result.client == [.refusedByPeer])
  }

  @Test func aRefusalIsLoggedOncePerAddressAndReason() throws {
    let log = CountingLog()
    let context: TLSContext = try authorities.serverContext { $0.logger = Logger(label: "test") { _ in log } }
    let client: TLSContext = try authorities.clientContext { $0.identity = nil }
    for _ in 0..<20 { _ = try refused(client: client.makeHandler(serverName: "localhost"), server: context.makeHandler()) }
    #expect(log.lines.withLock { $0.count } == 1)
    #expect(log.lines.withLock { $0[0] }.contains("showed no certificate"))
  }

  @Test func thePromiseTellsTheOutcome() throws {
    let loop = EmbeddedEventLoop()
    let good: EventLoopPromise<TLSHandshakeCompleted> = loop.makePromise()
    let server: TLSContext = try authorities.serverContext()
    let client: TLSContext = try authorities.clientContext()
    try Pair(client.makeHandler(serverName: "localhost", completed: good), server.makeHandler()).carry()
    #expect(try good.futureResult.wait().alpn == "h2")
    let bad: EventLoopPromise<TLSHandshakeCompleted> = loop.makePromise()
    try Pair(client.makeHandler(serverName: "elsewhere", completed: bad), server.makeHandler()).carry()
    #expect(throws: TLSError(.wrongName, "")) { try bad.futureResult.wait() }
  }
}
