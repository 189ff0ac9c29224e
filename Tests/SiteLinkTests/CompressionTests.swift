import NIOCore
import Primitives
import Testing

@testable import SiteLink

@Suite(.timeLimit(.minutes(1))) struct CompressionTests {
  /// A page of what a store carries: Kubernetes objects of one kind, alike in form and different in what they say.
  static func pods(_ bytes: Int, seed: UInt64 = 1) -> ByteBuffer {
    var random = SeededRandom(seed: seed)
    var buffer = ByteBuffer()
    while buffer.readableBytes < bytes {
      let (id, node): (UInt32, Int) = (.random(in: 0 ... .max, using: &random), .random(in: 0..<40, using: &random))
      let uid: String = String(UInt64.random(in: 0 ... .max, using: &random), radix: 16)
      buffer.writeString(
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"ledger-\#(id)","namespace":"bank","uid":"\#(uid)-\#(id)","#
          + #""creationTimestamp":"2026-11-23T01:\#(id % 60):07Z","labels":{"app":"ledger","pod-template-hash":"\#(id % 977)","#
          + #""topology.kubernetes.io/zone":"production"}},"spec":{"nodeName":"node-\#(node)","containers":[{"name":"ledger","#
          + #""image":"registry.bank/ledger:1.4.\#(id % 9)","resources":{"requests":{"cpu":"250m","memory":"256Mi"}}}]},"#
          + #""status":{"phase":"Running","podIP":"10.244.\#(node).\#(id % 250)","hostIP":"10.0.0.\#(node)","containerStatuses":"#
          + #"[{"name":"ledger","ready":true,"restartCount":0,"containerID":"containerd://\#(uid)\#(uid)\#(uid)"}]}}"#)
    }
    buffer.moveWriterIndex(to: buffer.readerIndex + bytes)
    return buffer
  }

  private static func noise(_ bytes: Int) -> ByteBuffer {
    var random = SeededRandom(seed: 9)
    return ByteBuffer(bytes: (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) })
  }

  @Test func compressedFramesComeBackAsTheyWent() throws {
    let compressor = Compressor()
    var queue = SendQueue(limits: LinkLimits())
    let frames: [(ByteBuffer, LinkPriority)] = [
      (Self.pods(1 << 20), .bulk), (Self.pods(300_000, seed: 2), .normal), (ByteBuffer(string: "beat"), .urgent),
      (Self.noise(200_000), .normal),
    ]
    var wire = ByteBuffer()
    for (frame, priority) in frames {
      offer(frame, priority, to: &queue)
      queue.take(upTo: .max, compressor: compressor, into: &wire)
    }
    let plain: Int = frames.reduce(0) { $0 + $1.0.readableBytes }
    #expect(wire.readableBytes < plain / 2 && queue.sent.total == Int64(wire.readableBytes))
    #expect(queue.sentUncompressed > Int64(plain) && queue.sent.urgent == 12)
    var decoder = FrameDecoder(limits: LinkLimits())
    decoder.append(&wire)
    for (frame, priority) in frames { #expect(try decoder.next() == .message(priority, frame)) }
    #expect(try decoder.next() == nil)
  }

  @Test func whatDoesNotShrinkIsSentAsItIsAndHardlyTried() {
    let compressor = Compressor()
    let noise: ByteBuffer = Self.noise(64 << 10)
    for _ in 0..<30 { #expect(compressor.compress(noise) == nil) }
    // After a while it looks again.
    var tries: Int = 0
    while compressor.compress(Self.pods(4096)) == nil { tries += 1 }
    #expect(tries < 20)
    #expect(compressor.compress(Self.pods(4096)) != nil)
  }

  @Test func aBombIsRefusedBeforeItGrows() throws {
    let limit: Int = 1 << 16
    let decompressor = Decompressor()
    func code(_ payload: ByteBuffer, limit: Int = 1 << 16) -> LinkError.Code? {
      do throws(LinkError) {
        _ = try decompressor.decompress(payload, limit: limit)
        return nil
      } catch { return error.code }
    }
    var bomb: ByteBuffer = try #require(Compressor().compress(ByteBuffer(repeating: 0, count: 8 << 20)))
    #expect(bomb.readableBytes < 2000)
    #expect(code(bomb) == .frameTooLarge)
    // It says that it is small and is not.
    bomb.setInteger(UInt32(limit), at: bomb.readerIndex)
    #expect(code(bomb) == .badFrame)
    bomb.setInteger(UInt32(8 << 20), at: bomb.readerIndex)
    #expect(code(bomb, limit: 8 << 20) == nil)
    // It says that it is larger than it is.
    var short: ByteBuffer = try #require(Compressor().compress(Self.pods(4096)))
    short.setInteger(UInt32(4097), at: short.readerIndex)
    #expect(code(short) == .badFrame)
    #expect(code(ByteBuffer(bytes: [0, 0])) == .badFrame)
    #expect(code(ByteBuffer(bytes: [0, 0, 0, 0])) == .badFrame)
  }

  @Test func alteredChunksAreRefusedOrHoldWhatTheySay() throws {
    var random = SeededRandom(seed: 77)
    let decompressor = Decompressor()
    let whole: ByteBuffer = try #require(Compressor().compress(Self.pods(3000)))
    for round in 0..<20_000 {
      var altered: ByteBuffer = whole
      switch round % 3 {
      case 0:
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          altered.setInteger(UInt8.random(in: 0...255, using: &random), at: Int.random(in: 4..<whole.readableBytes, using: &random))
        }
      case 1: altered = altered.getSlice(at: 0, length: Int.random(in: 0..<whole.readableBytes, using: &random)) ?? altered
      default:
        let size: Int = .random(in: 0...400, using: &random)
        altered = ByteBuffer(
          bytes: [0, 0, 11, 184, 0x28, 0xB5, 0x2F, 0xFD] + (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) })
      }
      do throws(LinkError) {
        #expect(try decompressor.decompress(altered, limit: 1 << 16).readableBytes == 3000)
      } catch { #expect(error.code == .badFrame || error.code == .frameTooLarge) }
    }
  }

  @Test func betweenCitiesFramesAreCompressedAndWithinACityNot() async throws {
    let federation = try Federation()
    let home = try Member(1, "prod-1", federation, center: "production", city: "east")
    let near = try Member(2, "ldr-1", federation, center: "local-dr", city: "east")
    let far = try Member(3, "rdr-1", federation, center: "remote-dr", city: "west")
    try await connect(home, near, far)
    await home.wait { _ in home.link.status().allSatisfy(\.up) }
    let frame: Bytes = Bytes(Self.pods(500_000).readableBytesView)
    for other in [near, far] {
      #expect(try await home.send([(frame, .normal)], to: other) == [true])
      await other.wait { if case .message(_, let bytes) = $0 { bytes == frame } else { false } }
    }
    // A frame is counted piece by piece as the socket takes it: what is judged is the whole frame.
    let toNear: LinkStatus = try await home.eventually(near) { $0.sent.normal > 500_000 }
    let toFar: LinkStatus = try await home.eventually(far) { $0.sentUncompressed >= toNear.sentUncompressed }
    #expect(toNear.sent.total == toNear.sentUncompressed && toNear.sent.normal > 500_000)
    #expect(toFar.sent.total * 3 < toFar.sentUncompressed && toFar.sentUncompressed == toNear.sentUncompressed)
    await stop(home, near, far)
  }
}
