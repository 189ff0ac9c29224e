import NIOCore
import NIOHPACK
import Primitives
import Testing

@testable import HTTP

/// Our header decoder and encoder against NIOHPACK's.
@Suite struct HPACKTests {
  private func decode(_ decoder: inout HeaderDecoder, _ bytes: ByteBuffer) throws -> HeaderDecoder.Block {
    try bytes.withUnsafeReadableBytes { try decoder.decode($0) }
  }

  private func decoder(bytes: Int = 1 << 20, fields: Int = 1000) -> HeaderDecoder { HeaderDecoder(byteLimit: bytes, fieldLimit: fields) }

  @Test func everyByteInHuffmanCode() async throws {
    var encoder = HPACKEncoder(allocator: ByteBufferAllocator(), useHuffmanEncoding: true)
    var decoder: HeaderDecoder = decoder()
    for first in 0..<128 {
      // Pairs, so that every code stands at every offset within a byte; text, since both sides keep strings.
      let text = String(decoding: (0..<128).flatMap { [UInt8(first), UInt8($0)] }, as: UTF8.self) + "é€😀"
      try encoder.beginEncoding(allocator: ByteBufferAllocator())
      try encoder.appendNonIndexed(header: "x", value: text)
      #expect(try decode(&decoder, encoder.endEncoding()).fields == [HeaderField(name: "x", value: text)])
      await Task.yield()
    }
  }

  /// RFC 7541 appendix C.4: requests in Huffman code, with what they leave in the table.
  @Test func theExamplesOfTheStandard() throws {
    var decoder: HeaderDecoder = decoder()
    let blocks: [(String, Int)] = [
      ("828684418cf1e3c2e5f23a6ba0ab90f4ff", 57), ("828684be5886a8eb10649cbf", 110),
      ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", 164),
    ]
    for (hex, size) in blocks {
      _ = try decode(&decoder, CodecScript.hex(hex))
      #expect(decoder.size == size)
    }
    #expect(decoder.count == 3)
  }

  @Test func randomBlocksDecodeAsNIOHPACKEncodedThem() async throws {
    var random = SeededRandom(seed: 7)
    for huffman in [false, true] {
      var encoder = HPACKEncoder(allocator: ByteBufferAllocator(), useHuffmanEncoding: huffman)
      var decoder: HeaderDecoder = decoder()
      let names: [String] = [":method", ":path", "content-type", "cookie", "x-a", "x-bb", "user-agent", "a-name-of-some-length"]
      for round in 0..<400 {
        if round % 100 == 99 { try encoder.setDynamicTableSize(Int.random(in: 0...4096, using: &random)) }
        var fields: [HeaderField] = []
        try encoder.beginEncoding(allocator: ByteBufferAllocator())
        for _ in 0..<Int.random(in: 0...10, using: &random) {
          let name: String = names[Int.random(in: 0..<names.count, using: &random)]
          let length: Int = Int.random(in: 0...3, using: &random) == 0 ? Int.random(in: 0...900, using: &random) : 3
          let value = String(decoding: (0..<length).map { _ in UInt8.random(in: 0x20...0x7E, using: &random) }, as: UTF8.self)
          switch Int.random(in: 0...3, using: &random) {
          case 0:
            try encoder.appendNeverIndexed(header: name, value: value)
            fields.append(HeaderField(name: name, value: value, sensitive: true))
          case 1:
            try encoder.appendNonIndexed(header: name, value: value)
            fields.append(HeaderField(name: name, value: value))
          default:
            try encoder.append(header: name, value: value)
            fields.append(HeaderField(name: name, value: value))
          }
        }
        let block: HeaderDecoder.Block = try decode(&decoder, encoder.endEncoding())
        #expect(block.fields.map { [$0.name, $0.value] } == fields.map { [$0.name, $0.value] })
        #expect(!block.isTooLarge)
        await Task.yield()
      }
    }
  }

  @Test func whatWeEncodeNIOHPACKDecodes() throws {
    var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
    for status in [200, 204, 404, 418, 500] {
      let long = String(repeating: "v", count: 300)
      let block = FieldBlock(
        status: status, [("content-type", "text/plain"), ("x-long", long), ("set-cookie", "a=b\r\nx: y"), ("x-empty", "")])
      for block in [block, block.prepared()] {
        var bytes = ByteBuffer()
        block.write(into: &bytes)
        let fields: [[String]] = try decoder.decodeHeaders(from: &bytes).map { [$0.name, $0.value] }
        #expect(
          fields == [
            [":status", "\(status)"], ["content-type", "text/plain"], ["x-long", long], ["set-cookie", "a=b  x: y"], ["x-empty", ""],
          ])
      }
    }
  }

  @Test func limitsCutTheListAndKeepTheTable() throws {
    var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    var small: HeaderDecoder = decoder(bytes: 200, fields: 4)
    try encoder.beginEncoding(allocator: ByteBufferAllocator())
    for number in 0..<10 { try encoder.append(header: "x-\(number)", value: "value") }
    #expect(try decode(&small, encoder.endEncoding()).isTooLarge)
    try encoder.beginEncoding(allocator: ByteBufferAllocator())
    try encoder.append(header: "x-9", value: "value")
    let block: HeaderDecoder.Block = try decode(&small, encoder.endEncoding())
    #expect(block.fields == [HeaderField(name: "x-9", value: "value")])
  }

  /// A table of 128 entries with nothing in them, and one entry that is larger than the table.
  @Test func theTableStaysWithinItsBounds() throws {
    var decoder: HeaderDecoder = decoder()
    for _ in 0..<1000 { _ = try decode(&decoder, CodecScript.hex("400000")) }
    #expect(decoder.count == 128)
    #expect(decoder.size == 4096)
    var large = ByteBuffer(bytes: [0x40, 0x01, 0x78, 0x7F, 0xE1, 0x1F])
    large.writeRepeatingByte(0x79, count: 127 + 0x61 + (0x1F << 7))
    _ = try decode(&decoder, large)
    #expect(decoder.count == 0)
    #expect(decoder.size == 0)
  }

  @Test func randomBytesNeverTrap() async throws {
    var random = SeededRandom(seed: 99)
    var decoder: HeaderDecoder = decoder()
    var oracle = HPACKDecoder(allocator: ByteBufferAllocator())
    var agreed: Int = 0
    for _ in 0..<5_000 {
      let bytes = ByteBuffer(bytes: (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
      var copy: ByteBuffer = bytes
      await Task.yield()
      let ours: [[String]]? = (try? decode(&decoder, bytes))?.fields.map { [$0.name, $0.value] }
      let theirs: [[String]]? = (try? oracle.decodeHeaders(from: &copy))?.map { [$0.name, $0.value] }
      if let ours, let theirs {
        agreed += 1
        #expect(ours == theirs)
      } else {
        // A failed block is the end of its connection.
        decoder = self.decoder()
        oracle = HPACKDecoder(allocator: ByteBufferAllocator())
      }
    }
    #expect(agreed > 50)
  }
}
