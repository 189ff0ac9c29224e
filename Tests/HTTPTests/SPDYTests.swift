import NIOCore
import Primitives
import Testing

@testable import HTTP

@Suite("SPDY/3.1, the client's part")
struct SPDYTests {
  private func decode(_ bytes: [UInt8], limit: Int = 1_000, step: Int = .max) throws -> [SPDYEvent] {
    var decoder = SPDYDecoder(frameLimit: limit)
    var events: [SPDYEvent] = []
    var rest: ArraySlice<UInt8> = bytes[...]
    while !rest.isEmpty {
      decoder.append(ByteBuffer(bytes: rest.prefix(step)))
      rest = rest.dropFirst(step)
      while let event: SPDYEvent = try decoder.next() { events.append(event) }
    }
    return events
  }

  @Test("A stream is opened with headers that zlib reads without having been compressed")
  func open() {
    var encoder = SPDYEncoder()
    let block: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1] + Array("a".utf8) + [0, 0, 0, 2] + Array("bc".utf8)
    let stored: [UInt8] = [0, 15, 0, 240, 255] + block + [0, 0, 0, 255, 255]
    let first: ByteBuffer = encoder.open(1, headers: [("a", "bc")])
    #expect(
      Array(first.readableBytesView) == [0x80, 3, 0, 1, 0, 0, 0, 37, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x78, 0x01] + stored)
    // The zlib stream goes on: its header comes once.
    let second: ByteBuffer = encoder.open(3, headers: [("a", "bc")])
    #expect(Array(second.readableBytesView) == [0x80, 3, 0, 1, 0, 0, 0, 35, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0] + stored)
  }

  @Test("Frames, whole and byte by byte", arguments: [1, 5, Int.max])
  func frames(_ step: Int) throws {
    let data: ByteBuffer = SPDYEncoder.data(5, ByteBuffer(string: "hello"), final: true)
    let ping: ByteBuffer = SPDYEncoder.ping(2)
    let reply: [UInt8] = [0x80, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9]
    let settings: [UInt8] = [0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0]
    let reset: [UInt8] = [0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 5]
    let away: [UInt8] = [0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    let wire: [UInt8] = reply + Array(data.readableBytesView) + settings + Array(ping.readableBytesView) + reset + away
    #expect(
      try decode(wire, step: step) == [
        .data(stream: 5, ByteBuffer(string: "hello"), final: true), .ping(id: 2), .reset(stream: 7, status: 5), .goAway,
      ])
  }

  @Test("Too large, of another version, too short: refused; anything else is decoded alike in every cut")
  func garbage() {
    let refused: [[UInt8]] = [[0, 0, 0, 1, 0, 1, 0, 0], [0x80, 2, 0, 1, 0, 0, 0, 0], [0x80, 3, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1]]
    for bytes in refused { #expect(throws: HTTPError(.protocolViolation, "")) { try decode(bytes) } }
    var random = SeededRandom(seed: 31)
    for _ in 0..<1_000 {
      var bytes: [UInt8] = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
      if bytes.count > 7, Bool.random(using: &random) { bytes.replaceSubrange(4..<7, with: [0, 0, 0]) }
      func outcome(_ step: Int) -> String { do { return "\(try decode(bytes, step: step))" } catch { return "refused" } }
      #expect(outcome(1) == outcome(.max))
    }
  }
}
