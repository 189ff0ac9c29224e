import NIOCore
import NIOEmbedded
import Primitives
import TestSupport
import Testing

@testable import TLS

@Suite struct ConnectionTests {
  let authorities: Authorities
  init() throws { authorities = try Authorities() }

  private func connected(_ change: (inout TLSContext.Configuration) -> Void = { _ in }) throws -> Pair {
    let pair = try Pair(
      authorities.clientContext(change).makeHandler(serverName: "localhost"), authorities.serverContext().makeHandler())
    try pair.carry()
    #expect(pair.clientSide.completed.count == 1 && pair.serverSide.completed.count == 1)
    return pair
  }

  @Test func garbageInsteadOfAHandshakeIsRefusedAtOnce() throws {
    var random = SeededRandom(seed: 7)
    for round in 0..<200 {
      let recorder = Recorder()
      let channel = EmbeddedChannel(handlers: [try authorities.serverContext().makeHandler(), recorder])
      channel.connect(to: try SocketAddress(ipAddress: "192.0.2.9", port: 1), promise: nil)
      var bytes: Bytes = (0..<600).map { _ in UInt8.random(in: 0...255, using: &random) }
      if round % 4 == 1 { bytes.replaceSubrange(0..<3, with: [22, 3, 1]) }
      if round % 4 == 2 { bytes = Bytes("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n") }
      if round % 4 == 3 { bytes.replaceSubrange(0..<9, with: [22, 3, 1, 2, 0, 1, 0, 1, 252]) }
      try channel.writeInbound(ByteBuffer(bytes: bytes))
      channel.embeddedEventLoop.advanceTime(by: .seconds(11))
      #expect(recorder.errors.count == 1)
      #expect(recorder.completed.isEmpty)
      #expect(!channel.isActive)
    }
  }

  @Test func garbageAfterTheHandshakeEndsTheConnection() throws {
    let pair: Pair = try connected()
    try pair.server.writeInbound(ByteBuffer(bytes: [23, 3, 3, 0, 32] + Bytes(repeating: 9, count: 32)))
    #expect(pair.serverSide.errors.map(\.code) == [.protocolViolation])
    #expect(pair.serverSide.received.isEmpty)
  }

  @Test func aHalfOpenConnectionEndsWithTheHandshakeTimeout() throws {
    let recorder = Recorder()
    let channel = EmbeddedChannel(
      handlers: [try authorities.serverContext { $0.handshakeTimeout = .seconds(3) }.makeHandler(), recorder])
    channel.connect(to: try SocketAddress(ipAddress: "192.0.2.9", port: 1), promise: nil)
    try channel.writeInbound(ByteBuffer(bytes: [22, 3, 1]))
    channel.embeddedEventLoop.advanceTime(by: .milliseconds(2_999))
    #expect(channel.isActive)
    channel.embeddedEventLoop.advanceTime(by: .milliseconds(2))
    #expect(!channel.isActive)
    #expect(recorder.errors.map(\.code) == [.handshakeTimeout])
  }

  @Test func anEndWithoutCloseNotifyIsTold() throws {
    let pair: Pair = try connected()
    let promise: EventLoopPromise<Void> = pair.loop.makePromise()
    pair.server.pipeline.fireChannelInactive()
    #expect(pair.serverSide.errors.map(\.code) == [.truncated])
    #expect(pair.serverSide.inactive)
    pair.server.writeAndFlush(ByteBuffer(string: "late"), promise: promise)
    #expect(throws: ChannelError.ioOnClosedChannel) { try promise.futureResult.wait() }
  }

  @Test func whatWasFlushedBeforeCloseArrives() throws {
    let pair: Pair = try connected()
    pair.client.write(ByteBuffer(string: "last words"), promise: nil)
    pair.client.flush()
    pair.client.close(promise: nil)
    try pair.carry()
    #expect(pair.serverSide.received == Bytes("last words"))
    #expect(pair.serverSide.errors.isEmpty)
    #expect(!pair.server.isActive)
  }

  @Test func aPeerThatDoesNotReadCostsNoMoreThanTheLimit() throws {
    let pair: Pair = try connected { $0.maximumBufferedBytes = 1 << 20 }
    pair.client.isWritable = false
    var failures: Int = 0
    for _ in 0..<40 {
      let promise: EventLoopPromise<Void> = pair.loop.makePromise()
      promise.futureResult.assumeIsolated().whenFailure { _ in failures += 1 }
      pair.client.writeAndFlush(ByteBuffer(repeating: 1, count: 32 << 10), promise: promise)
    }
    // Nothing was encrypted for a channel that takes nothing.
    #expect(try pair.client.readOutbound(as: ByteBuffer.self) == nil)
    #expect(pair.clientSide.errors.map(\.code) == [.bufferLimit])
    #expect(!pair.client.isActive)
    #expect(failures == 40)
  }

  @Test func encryptionGoesOnWhenTheChannelIsWritableAgain() throws {
    let pair: Pair = try connected()
    pair.client.isWritable = false
    pair.client.writeAndFlush(ByteBuffer(repeating: 3, count: 2 << 20), promise: nil)
    try pair.carry()
    #expect(pair.serverSide.received.isEmpty)
    pair.client.isWritable = true
    pair.client.pipeline.fireChannelWritabilityChanged()
    try pair.carry()
    #expect(pair.serverSide.received.count == 2 << 20)
  }

  @Test func everyByteArrivesWhateverTheSizesAndChunks() throws {
    var random = SeededRandom(seed: 11)
    let pair: Pair = try connected()
    var sent: Bytes = []
    for _ in 0..<300 {
      let count: Int = .random(in: 0...(Bool.random(using: &random) ? 400 : 60_000), using: &random)
      let piece: Bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      sent += piece
      pair.client.write(ByteBuffer(bytes: piece), promise: nil)
      if Int.random(in: 0..<4, using: &random) == 0 {
        pair.client.flush()
        try pair.carry(chunk: Int.random(in: 100...20_000, using: &random))
      }
    }
    pair.client.flush()
    try pair.carry()
    #expect(pair.serverSide.received == sent)
  }

  @Test func anIdentityIsExchangedWhileConnectionsStand() throws {
    let directory = TemporaryDirectory()
    let (certificate, key) = (directory.file("server.pem"), directory.file("server.key"))
    try authorities.server("first").write(certificateFile: certificate, keyFile: key)
    let server: TLSContext = try authorities.serverContext { $0.identity = .files(certificate: certificate, key: key) }
    let client: TLSContext = try authorities.clientContext()
    let old = try Pair(client.makeHandler(serverName: "localhost"), server.makeHandler())
    try old.carry()
    #expect(old.clientSide.completed.first?.peer?.commonName == "first")

    try authorities.server("second").write(certificateFile: certificate, keyFile: key)
    server.refreshIfDue(SystemClock().now() + .seconds(2))
    #expect(server.certificate?.commonName == "second")
    let fresh = try Pair(client.makeHandler(serverName: "localhost"), server.makeHandler())
    try fresh.carry()
    #expect(fresh.clientSide.completed.first?.peer?.commonName == "second")
    old.client.writeAndFlush(ByteBuffer(string: "still here"), promise: nil)
    try old.carry()
    #expect(old.serverSide.received == Bytes("still here"))

    // A file that cannot be used leaves the identity in use.
    try SecretFile.write(Bytes("nonsense"), to: certificate)
    server.refreshIfDue(SystemClock().now() + .seconds(10))
    #expect(server.certificate?.commonName == "second")
    #expect(throws: TLSError(.badEncoding, "")) { try server.reload() }
  }
}
