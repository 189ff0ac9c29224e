import HTTP
import NIOCore
import Primitives
import Testing

@Suite struct ProtobufTests {
  @Test func writesTheBytesThatTheSpecificationShows() {
    var writer = ProtobufWriter()
    writer.int32(1, 150)
    #expect(Bytes(buffer: writer.buffer) == [0x08, 0x96, 0x01])
    writer = ProtobufWriter()
    writer.string(2, "testing")
    #expect(Bytes(buffer: writer.buffer) == [0x12, 0x07] + Bytes("testing"))
    writer = ProtobufWriter()
    writer.message(3) { $0.int32(1, 150) }
    #expect(Bytes(buffer: writer.buffer) == [0x1A, 0x03, 0x08, 0x96, 0x01])
    writer = ProtobufWriter()
    writer.int64(1, -1)
    #expect(Bytes(buffer: writer.buffer) == [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
    writer = ProtobufWriter()
    writer.int64(1, 0)
    writer.bytes(2, [])
    #expect(writer.buffer.readableBytes == 0)
  }

  @Test func subMessagesOfEveryLengthBoundaryComeBack() throws {
    for size in [0, 1, 120, 125, 126, 127, 128, 129, 16_380, 16_383, 16_384, 16_385, 2_097_151, 2_097_152] {
      var writer = ProtobufWriter()
      writer.int64(1, 7)
      writer.message(2) { inner in inner.message(3) { $0.bytes(4, Bytes(repeating: 0xAB, count: size)) } }
      writer.string(5, "end")
      var reader = ProtobufReader(writer.buffer)
      var found: Int = -1
      var text: String = ""
      while let field = try reader.next() {
        switch field.number {
        case 1: #expect(try reader.int64(field) == 7)
        case 2:
          var middle: ProtobufReader = try reader.message(field)
          while let field = try middle.next() {
            var inner: ProtobufReader = try middle.message(field)
            found = 0
            while let field = try inner.next() { found = try inner.bytes(field).count }
          }
        case 5: text = try reader.string(field)
        default: try reader.skip(field)
        }
      }
      #expect(found == size)
      #expect(text == "end")
    }
  }

  @Test func mapsAndPackedRunsComeBack() throws {
    var writer = ProtobufWriter()
    writer.map(1, ["a": "1", "b": "", "": "3"])
    writer.packed(2, [1, 300, .max])
    writer.presentUInt64(2, 5)
    var map: [String: String] = [:]
    var numbers: [UInt64] = []
    var reader = ProtobufReader(writer.buffer)
    while let field = try reader.next() {
      switch field.number {
      case 1: try reader.mapEntry(field, into: &map)
      default: try reader.repeatedUInt64(field, into: &numbers)
      }
    }
    #expect(map == ["a": "1", "b": "", "": "3"])
    #expect(numbers == [1, 300, .max, 5])
  }

  @Test(
    arguments: [
      ([0x08], "truncated"), ([0x08, 0x80], "truncated"), ([0x12, 0x05, 0x01], "truncated"), ([0x0B], "badTag"), ([0x00], "badTag"),
      ([0x08] + [UInt8](repeating: 0xFF, count: 10), "badVarint"), ([0x0D, 0x01, 0x02], "truncated"),
      ([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "truncated"),
    ] as [(Bytes, String)]) func malformedIsAnError(_ bytes: Bytes, _ code: String)
  {
    #expect(throws: ProtobufError(.init(code), "")) {
      var reader = ProtobufReader(ByteBuffer(bytes: bytes))
      while let field = try reader.next() { try reader.skip(field) }
    }
  }

  @Test func anotherWireTypeThanDeclaredIsAnError() {
    #expect(throws: ProtobufError(.wrongWireType, "")) {
      var reader = ProtobufReader(ByteBuffer(bytes: [0x08, 0x01]))
      if let field = try reader.next() { _ = try reader.string(field) }
    }
    #expect(throws: ProtobufError(.badText, "")) {
      var reader = ProtobufReader(ByteBuffer(bytes: [0x0A, 0x01, 0xFF]))
      if let field = try reader.next() { _ = try reader.string(field) }
    }
  }

  /// Seeded garbage, and valid messages with a byte changed: an error or an end, never a trap or an endless loop.
  @Test func randomBytesEndInAnErrorOrAnEnd() {
    var random = SeededRandom(seed: 0xB0B)
    var finished: Int = 0
    for round in 0..<20_000 {
      var bytes: Bytes
      if round.isMultiple(of: 2) {
        bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      } else {
        var writer = ProtobufWriter()
        writer.int64(1, Int64.random(in: .min ... .max, using: &random))
        writer.message(2) { $0.string(1, "key \(round)") }
        bytes = Bytes(buffer: writer.buffer)
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do {
        try Self.walk(ProtobufReader(ByteBuffer(bytes: bytes)), depth: 0)
        finished += 1
      } catch {
        #expect(error is ProtobufError)
      }
    }
    #expect(finished > 0)
  }

  private static func walk(_ reader: ProtobufReader, depth: Int) throws {
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.wire {
      case .lengthDelimited where depth < 4:
        var copy: ProtobufReader = reader
        if let inner = try? copy.message(field) { try? walk(inner, depth: depth + 1) }
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
  }

  @Test func nestingHasALimit() {
    var buffer = ByteBuffer()
    for _ in 0..<200 {
      var writer = ProtobufWriter()
      writer.slice(1, buffer)
      buffer = writer.buffer
    }
    #expect(throws: ProtobufError(.tooDeep, "")) {
      var reader = ProtobufReader(buffer)
      while let field = try reader.next() { reader = try reader.message(field) }
    }
  }
}
