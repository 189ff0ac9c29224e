import NIOCore
import Primitives

extension FuzzTarget {
  /// Our HTTP/2 codec with a handler that echoes, and header blocks alone. swift-nio's codec has its own tests.
  static var http2: [FuzzTarget] { [connections, blocks] }

  private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: Bytes) -> Bytes {
    [UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 0xFF), UInt8(payload.count & 0xFF), type, flags, 0, 0, 0, stream] + payload
  }

  private static var connections: FuzzTarget {
    // POST https a /, and a field that enters the dynamic table.
    let block: Bytes = [0x83, 0x87, 0x84, 0x41, 1, 0x61, 0x40, 1, 0x78, 1, 0x79]
    let start: Bytes = HTTP2Connection.preface + frame(4, 0, 0, [0, 4, 0, 1, 0, 0])
    let padded: Bytes = [2] + [0, 0, 0, 3, 16] + block + [0, 0]
    let tails: [[Bytes]] = [
      [frame(4, 1, 0, []), frame(1, 4, 1, block), frame(0, 1, 1, Bytes("hello"))],
      [frame(1, 0, 1, Bytes(block.prefix(4))), frame(9, 4, 1, Bytes(block.dropFirst(4))), frame(0, 9, 1, [1, 0x68, 0])],
      [frame(1, 4 | 8 | 32, 3, padded), frame(8, 0, 3, [0, 0, 1, 0]), frame(8, 0, 0, [0, 0, 1, 0]), frame(3, 0, 3, [0, 0, 0, 8])],
      [
        frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), frame(1, 5, 1, [0x83, 0x87, 0x84, 0x41, 1, 0x61]),
        frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]),
      ],
      [frame(1, 4, 1, block), frame(1, 4, 3, [0x83, 0x87, 0x84, 0x41, 1, 0x61, 0xBE]), frame(0, 0, 3, [1]), frame(1, 5, 1, [0xBE])],
    ]
    return FuzzTarget(
      "http2-connections", corpus: tails.map { tail in start + tail.flatMap { $0 } }, words: [frame(0, 1, 1, []), frame(9, 4, 1, [])]
    ) {
      input throws(FuzzFinding) in
      var random = SeededRandom(seed: UInt64(input.count))
      let wholly: Bool = try echo([input])
      _ = try echo(DripFeed.pieces(input, &random))
      return wholly
    }
  }

  /// True if the connection did not fail.
  private static func echo(_ pieces: [Bytes]) throws(FuzzFinding) -> Bool {
    var limits = HTTPLimits()
    limits.streamsPerConnection = 10
    limits.bufferedResponse = 5_000
    var codec = HTTP2Connection(limits: limits, peer: nil, remoteAddress: "client")
    var hasFailed: Bool = false
    for piece in pieces {
      codec.receive(ByteBuffer(bytes: piece), now: 1)
      for isTickOver in [false, true] {
        if isTickOver { codec.finishTick() }
        while let event: HTTP2Connection.Event = codec.next() {
          if hasFailed { throw FuzzFinding("an event after the connection failed: \(event)") }
          switch event {
          case .request(let slot, _, let end):
            codec.sendHead(slot, FieldBlock(status: 200, [("x", "y")]), end: false)
            if end { codec.sendEnd(slot, trailers: nil) }
          case .data(let slot, let part, let end):
            codec.sendData(slot, part)
            if end { codec.sendEnd(slot, trailers: FieldBlock(status: nil, [("t", "1")])) }
          case .end(let slot): codec.sendEnd(slot, trailers: nil)
          case .failed: hasFailed = true
          case .aborted, .writable, .refused, .pong, .drained: break
          }
        }
      }
      if codec.isOver != hasFailed { throw FuzzFinding("the connection failed and did not say so") }
      _ = codec.takeOutput()
      if hasFailed { return false }
    }
    return true
  }

  /// RFC 7541 appendix C, and a change of the table's size.
  private static var blocks: FuzzTarget {
    let corpus: [Bytes] = [
      [0x40, 0x0A] + Bytes("custom-key") + [0x0D] + Bytes("custom-header"), [0x04, 0x0C] + Bytes("/sample/path"),
      [0x82, 0x86, 0x84, 0x41, 0x8C, 0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB, 0x90, 0xF4, 0xFF], [0x3F, 0xE1, 0x1F, 0x82],
      [0x20, 0x40, 1, 0x61, 1, 0x62],
    ]
    return FuzzTarget("hpack-blocks", corpus: corpus, words: [[0xBE], [0x7F, 0x80, 0x01]]) { input throws(FuzzFinding) in
      var decoder = HeaderDecoder(byteLimit: 16_384, fieldLimit: 100)
      // Twice: the second time with what the first left in the table.
      for _ in 0..<2 {
        let block: HeaderDecoder.Block? = input.withUnsafeBytes { bytes in try? decoder.decode(bytes) }
        guard let block else { return false }
        guard block.isTooLarge || block.fields.count <= 100 else { throw FuzzFinding("\(block.fields.count) fields, 100 are allowed") }
        guard decoder.size <= HeaderDecoder.tableLimit else { throw FuzzFinding("a table of \(decoder.size) bytes") }
      }
      return true
    }
  }
}
