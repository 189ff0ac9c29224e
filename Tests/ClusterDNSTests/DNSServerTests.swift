import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Primitives
import Processes
import Testing

@testable import ClusterDNS

@Suite struct DNSServerTests {
  @Test func theFrameDecoderTakesItsInputByteByByte() throws {
    let channel = EmbeddedChannel(handler: ByteToMessageHandler(DNSFrameDecoder()))
    let message: Bytes = query("web.shop.svc.cluster.local")
    for byte in [UInt8(0), UInt8(message.count)] + message + [0, 1, 7] { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
    #expect(try channel.readInbound(as: ByteBuffer.self).map { Bytes($0.readableBytesView) } == message)
    #expect(try channel.readInbound(as: ByteBuffer.self).map { Bytes($0.readableBytesView) } == [7])
    _ = try channel.finish()
  }

  @Test(.enabled(if: findProgram("dig") != nil, "dig (Debian's bind9-dnsutils) is not installed"))
  func digAsksOverUDPAndTCP() async throws {
    let server = DNSServer(
      nameServer: NameServerTests.server(), host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton)
    let (ports, continuation) = AsyncStream<Int>.makeStream()
    let running = Task { try await server.run { continuation.yield($0) } }
    var iterator = ports.makeAsyncIterator()
    let port: Int = try #require(await iterator.next())
    func dig(_ arguments: String...) async throws -> String {
      try await Command(["dig", "@127.0.0.1", "-p", String(port), "+time=2", "+tries=1"] + arguments).run()
    }
    #expect(try await dig("+short", "web.shop.svc.cluster.local") == "10.96.0.7\n")
    #expect(try await dig("+short", "+tcp", "db.shop.svc.cluster.local") == "10.1.0.5\n10.1.0.6\n")
    #expect(try await dig("+noedns", "+short", "web.shop.bank.tricenter.test") == "10.72.0.11\n10.72.0.12\n")
    let whole: String = try await dig("web.shop.bank.tricenter.test")
    #expect(whole.contains("web.shop.bank.tricenter.test. 1\tIN\tA\t10.72.0.11"), "\(whole)")
    #expect(try await dig("nothing.shop.svc.cluster.local").contains("status: NXDOMAIN"))
    #expect(try await dig("example.org").contains("status: REFUSED"))
    running.cancel()
    _ = await running.result
  }

  @Test func garbageIsToldOnceAMinuteWithItsNumber() {
    let notes = MalformedNotes(Logger(label: "test"))
    let start = MonotonicTime(nanoseconds: 1_000)
    #expect(notes.onMalformed(now: start) == 1)
    for second in 1...50 { #expect(notes.onMalformed(now: start + .seconds(second)) == nil) }
    #expect(notes.onMalformed(now: start + .seconds(61)) == 51)
    #expect(notes.onMalformed(now: start + .seconds(62)) == nil)
  }
}
