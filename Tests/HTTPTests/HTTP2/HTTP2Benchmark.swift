import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import HTTP

/// `TRICENTER_BENCH_HTTP2=1 swift test -c release -Xswiftc -enable-testing --filter HTTP2Benchmark`: a unary gRPC echo of 256 bytes,
/// eight connections of 256 calls each, and streams of events of 300 bytes, 64 per tick, the same client for both codecs. Processor time
/// is that of the server's one event-loop thread.
@Suite(.serialized, .enabled(if: getenv("TRICENTER_BENCH_HTTP2") != nil, "TRICENTER_BENCH_HTTP2 is not set")) struct HTTP2Benchmark {
  private final class EchoCall: GRPCCallHandler {
    func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
      call.send(capacity: 300) { $0.slice(1, message) }
    }
    func onHalfClose(_ call: GRPCCall) { call.finish() }
  }

  /// Bursts of events as long as the client reads.
  private final class EventsCall: GRPCCallHandler {
    static let event: [UInt8] = Array(repeating: 7, count: 300)
    private var call: GRPCCall?
    func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
      self.call = call
      burst()
    }
    func onHalfClose(_ call: GRPCCall) {}
    func onCancel() { call = nil }
    func onWritable(_ call: GRPCCall) { burst() }
    private func burst() {
      guard let call, call.isWritable else { return }
      for _ in 0..<64 { call.send(capacity: 320) { $0.bytes(1, Self.event) } }
      let bound = NIOLoopBound(self, eventLoop: call.eventLoop)
      call.eventLoop.execute { bound.value.burst() }
    }
  }

  private static func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
  }

  @Test func unaryEcho() async throws {
    for _ in 0..<3 {
      for (connections, calls) in [(8, 256), (1, 1)] {
        for codec in [HTTPServerConfiguration.HTTP2Codec.nio, .own] {
          let (rate, cost): (Double, Double) = try await measure(codec, connections, calls)
          print(
            "\(codec) \(connections) x \(calls): \(Int(rate)) calls/s, server \((cost * 100).rounded() / 100) µs of CPU per call")
        }
      }
    }
  }

  @Test func streamsOfEvents() async throws {
    let size: Int = ByteBuffer.grpcMessage { $0.bytes(1, EventsCall.event) }.readableBytes
    for _ in 0..<3 {
      for codec in [HTTPServerConfiguration.HTTP2Codec.nio, .own] {
        let (rate, cost): (Double, Double) = try await measure(codec, 8, 1, countingBytes: true)
        let (events, each): (Double, Double) = (rate / Double(size), cost * Double(size))
        print("\(codec) 8 streams: \(Int(events)) events/s, server \((each * 100).rounded() / 100) µs of CPU per event")
      }
    }
  }

  private func measure(_ codec: HTTPServerConfiguration.HTTP2Codec, _ connections: Int, _ calls: Int, countingBytes: Bool = false)
    async throws -> (Double, Double)
  {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let clients = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let router = GRPCRouter(messageLimit: 1 << 20) { _ -> (any GRPCCallHandler)? in
      if countingBytes { return EventsCall() }
      return EchoCall()
    }
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), group: group, logger: quiet("server"))
    configuration.http2 = codec
    let server = HTTPServer(configuration, streams: router.route, responder: EchoResponder())
    try await server.start()
    let port: Int = try #require(server.port)
    let seconds: Double = 3
    let counter = Counter()
    var channels: [any Channel] = []
    for _ in 0..<connections {
      let channel: any Channel = try await ClientBootstrap(group: clients)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Caller(calls, counter, countingBytes)) }
        }
        .connect(host: "127.0.0.1", port: port).get()
      channels.append(channel)
    }
    let loop: any EventLoop = group.next()
    try await Task.sleep(for: .seconds(1))
    let before: Double = try await loop.submit { Self.threadTime() }.get()
    let first: Int = counter.done.load(ordering: .relaxed)
    let start: ContinuousClock.Instant = .now
    try await Task.sleep(for: .seconds(seconds))
    let after: Double = try await loop.submit { Self.threadTime() }.get()
    let count: Int = counter.done.load(ordering: .relaxed) - first
    let elapsed: Duration = ContinuousClock.now - start
    for channel in channels { try? await channel.close().get() }
    await server.shutdown()
    try await clients.shutdownGracefully()
    try await group.shutdownGracefully()
    return (Double(count) / (elapsed / .seconds(1)), (after - before) / Double(max(count, 1)))
  }

  private final class Counter: Sendable { let done: Atomic<Int> = Atomic(0) }

  /// Sends calls as a Go client does: a head from the table, one DATA frame with END_STREAM; counts the trailers.
  private final class Caller: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let calls: Int
    private let countingBytes: Bool
    private let counter: Counter
    private var nextStream: UInt32 = 1
    private var input = ByteBuffer()
    private var head: [UInt8] = []
    private let message: ByteBuffer = .grpcMessage { $0.bytes(1, Array(repeating: 7, count: 256)) }
    private var received: Int = 0

    init(_ calls: Int, _ counter: Counter, _ countingBytes: Bool) {
      self.countingBytes = countingBytes
      self.calls = calls
      self.counter = counter
    }

    func channelActive(context: ChannelHandlerContext) {
      var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
      var settings = ByteBuffer(integer: SettingID.initialWindowSize)
      settings.writeInteger(UInt32(1 << 30))
      CodecScript.frame(&bytes, FrameType.settings, 0, 0, settings)
      CodecScript.frame(&bytes, FrameType.windowUpdate, 0, 0, ByteBuffer(integer: UInt32(1 << 30)))
      head = [0x83, 0x86]
      for (name, value) in [
        (":path", "/etcdserverpb.KV/Put"), (":authority", "127.0.0.1:2379"), ("content-type", "application/grpc"),
        ("user-agent", "grpc-go/1.59.0"), ("te", "trailers"),
      ] {
        head += [0x40, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
      }
      call(&bytes)
      head = [0x83, 0x86, 0xC2, 0xC1, 0xC0, 0xBF, 0xBE]
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    private func call(_ bytes: inout ByteBuffer) {
      bytes.writeFrameHeader(length: head.count, type: FrameType.headers, flags: FrameFlags.endHeaders, stream: nextStream)
      bytes.writeBytes(head)
      bytes.writeFrameHeader(length: message.readableBytes, type: FrameType.data, flags: FrameFlags.endStream, stream: nextStream)
      bytes.writeImmutableBuffer(message)
      nextStream += 2
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var bytes: ByteBuffer = unwrapInboundIn(data)
      input.writeBuffer(&bytes)
      var output = ByteBuffer()
      while let frame: FrameHeader = input.peekFrameHeader(), input.readableBytes >= FrameHeader.size + frame.length {
        if frame.type == FrameType.headers, frame.has(FrameFlags.endStream) {
          counter.done.wrappingAdd(1, ordering: .relaxed)
          call(&output)
        }
        if frame.type == FrameType.settings, !frame.has(FrameFlags.ack) {
          // NIOHTTP2 allows as many streams as it says only once that is acknowledged.
          CodecScript.frame(&output, FrameType.settings, FrameFlags.ack, 0, ByteBuffer())
          for _ in 1..<max(calls, 1) where calls > 1 { call(&output) }
        }
        if frame.type == FrameType.data {
          received += frame.length
          if countingBytes { counter.done.wrappingAdd(frame.length, ordering: .relaxed) }
        }
        if frame.type == FrameType.ping, !frame.has(FrameFlags.ack), let payload = input.getSlice(at: input.readerIndex + 9, length: 8) {
          CodecScript.frame(&output, FrameType.ping, FrameFlags.ack, 0, payload)
        }
        if frame.type == FrameType.goAway || frame.type == FrameType.resetStream { print("the server broke off: \(frame)") }
        input.moveReaderIndex(forwardBy: FrameHeader.size + frame.length)
      }
      input.discardReadBytes()
      if received > 1 << 28 {
        for stream in countingBytes ? [0, 1] : [0] {
          CodecScript.frame(&output, FrameType.windowUpdate, 0, UInt32(stream), ByteBuffer(integer: UInt32(received)))
        }
        received = 0
      }
      if output.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(output), promise: nil) }
    }
  }
}
