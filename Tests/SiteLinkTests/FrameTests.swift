import NIOCore
import Primitives
import TestSupport
import Testing

@testable import SiteLink

@Suite struct FrameTests {
  private static func encoded() -> (ByteBuffer, [FrameDecoder.Event]) {
    var limits = LinkLimits()
    limits.chunkBytes = 1024
    limits.bulkChunkBytes = 1024
    let hello = Hello(clusterID: 0xBA, from: MemberID(1), to: MemberID(2))
    var buffer = ByteBuffer()
    buffer.writeImmutableBuffer(Frame.hello(hello))
    buffer.writeImmutableBuffer(Frame.welcome(MemberID(2)))
    buffer.writeImmutableBuffer(Frame.welcome(MemberID(2), .own))
    buffer.writeImmutableBuffer(Frame.ping(77))
    var queue = SendQueue(limits: limits)
    let bulk = ByteBuffer(bytes: (0..<5000).map { UInt8(truncatingIfNeeded: $0) })
    let normal = ByteBuffer(bytes: (0..<2500).map { UInt8(truncatingIfNeeded: $0 &* 3) })
    offer(bulk, .bulk, to: &queue)
    queue.take(upTo: buffer.readableBytes + 1, into: &buffer)
    offer(normal, .normal, to: &queue)
    queue.take(upTo: buffer.readableBytes + 1, into: &buffer)
    offer(ByteBuffer(string: "vote"), .urgent, to: &queue)
    offer(ByteBuffer(), .urgent, to: &queue)
    queue.take(upTo: .max, into: &buffer)
    buffer.writeImmutableBuffer(Frame.pong(77))
    buffer.writeImmutableBuffer(Frame.refusal("no"))
    return (
      buffer,
      [
        .hello(hello), .welcome(MemberID(2)), .welcome(MemberID(2), .own), .ping(77), .message(.urgent, ByteBuffer(string: "vote")),
        .message(.urgent, ByteBuffer()),
        .message(.normal, normal), .message(.bulk, bulk), .pong(77), .refusal("no"),
      ]
    )
  }

  @Test(arguments: [1, 2, 3, 7, 8, 9, 1000, 100_000]) func aDripFedDecoderGivesTheSameFrames(size: Int) throws {
    var (wire, expected) = Self.encoded()
    var decoder = FrameDecoder(limits: LinkLimits())
    var events: [FrameDecoder.Event] = []
    while var part: ByteBuffer = wire.readSlice(length: min(size, wire.readableBytes)), part.readableBytes > 0 {
      decoder.append(&part)
      while let event: FrameDecoder.Event = try decoder.next() { events.append(event) }
    }
    #expect(events == expected)
  }

  private func refusal(of bytes: Bytes, _ limits: LinkLimits = LinkLimits()) -> LinkError.Code? {
    var decoder = FrameDecoder(limits: limits)
    var buffer = ByteBuffer(bytes: bytes)
    decoder.append(&buffer)
    do throws(LinkError) {
      while try decoder.next() != nil {}
      return nil
    } catch {
      return error.code
    }
  }

  @Test func whatIsTooLargeOrUnknownIsRefusedByItsHeader() {
    #expect(refusal(of: [0, 16, 0, 1, 4, 0, 1, 0]) == .frameTooLarge)
    #expect(refusal(of: [0, 0, 4, 1, 1, 0, 1, 0]) == .frameTooLarge)
    #expect(refusal(of: [0, 0, 0, 0, 9, 0, 1, 0]) == .badFrame)
    #expect(refusal(of: [0, 0, 0, 0, 4, 3, 1, 0]) == .badFrame)
    #expect(refusal(of: [0, 0, 0, 0, 4, 0, 4, 0]) == .badFrame)
    #expect(refusal(of: [0, 0, 0, 0, 4, 0, 1, 1]) == .badFrame)
    #expect(refusal(of: [0, 0, 0, 1, 5, 0, 1, 0, 0]) == .badFrame)
    #expect(refusal(of: [0, 0, 0, 4, 1, 0, 1, 0, 1, 2, 3, 4]) == .notOurProtocol)
    #expect(refusal(of: [0, 0, 255, 255, 4, 0]) == nil)
    // Many chunks of one frame beyond its limit.
    var limits = LinkLimits()
    limits.frameBytes = 4096
    limits.chunkBytes = 1024
    let chunk: Bytes = [0, 0, 4, 0, 4, 2, 0, 0] + Bytes(repeating: 1, count: 1024)
    #expect(refusal(of: Array([chunk, chunk, chunk, chunk].joined()), limits) == nil)
    #expect(refusal(of: Array([chunk, chunk, chunk, chunk, chunk].joined()), limits) == .frameTooLarge)
  }
}
