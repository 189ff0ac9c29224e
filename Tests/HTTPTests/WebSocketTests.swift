import HTTPTypes
import NIOCore
import Primitives
import Testing

@testable import HTTP

@Suite("WebSocket, the codec")
struct WebSocketTests {
  private func decode(_ bytes: [UInt8], _ role: WebSocketRole = .client, limit: Int = 1 << 20, step: Int = .max) throws -> [WebSocketEvent]
  {
    var decoder = WebSocketDecoder(role: role, messageLimit: limit)
    var events: [WebSocketEvent] = []
    var rest: ArraySlice<UInt8> = bytes[...]
    while !rest.isEmpty {
      decoder.append(ByteBuffer(bytes: rest.prefix(step)))
      rest = rest.dropFirst(step)
      while let event: WebSocketEvent = try decoder.next() { events.append(event) }
    }
    return events
  }
  private func text(_ text: String) -> WebSocketEvent { .text(ByteBuffer(string: text)) }

  @Test("The examples of RFC 6455 section 5.7, whole and byte by byte", arguments: [1, 2, 3, Int.max])
  func examples(_ step: Int) throws {
    #expect(try decode([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], step: step) == [text("Hello")])
    let masked: [UInt8] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
    #expect(try decode(masked, .server, step: step) == [text("Hello")])
    #expect(try decode([0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], step: step) == [text("Hello")])
    #expect(try decode([0x89, 0x05] + Array("Hello".utf8), step: step) == [.ping(ByteBuffer(string: "Hello"))])
    let long: [UInt8] = [UInt8](repeating: 7, count: 256)
    #expect(try decode([0x82, 0x7E, 0x01, 0x00] + long, step: step) == [.binary(ByteBuffer(bytes: long))])
    // A ping between two fragments is told at once; nothing follows a close.
    let mixed: [UInt8] = [0x01, 0x01, 0x61, 0x89, 0x00, 0x80, 0x01, 0x62, 0x88, 0x05, 0x03, 0xE8, 0x62, 0x79, 0x65, 0x81, 0x01, 0x63]
    #expect(try decode(mixed, step: step) == [.ping(ByteBuffer()), text("ab"), .close(code: 1000, reason: "bye")])
    #expect(try decode([0x88, 0x00], step: step) == [.close(code: WebSocketCloseCode.none, reason: "")])
  }

  @Test func sixtyFourKibibytes() throws {
    let long: [UInt8] = [UInt8](repeating: 9, count: 65_536)
    #expect(try decode([0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + long, step: 1_000) == [.binary(ByteBuffer(bytes: long))])
  }

  @Test(
    "What breaks the protocol is told with its code",
    arguments: [
      ([0xC1, 0x00], 1002), ([0x83, 0x00], 1002), ([0x8B, 0x00], 1002), ([0x81, 0x80, 0, 0, 0, 0], 1002), ([0x09, 0x00], 1002),
      ([0x89, 0x7E, 0, 126], 1002), ([0x82, 0x7E, 0, 125], 1002), ([0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1002),
      ([0x82, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002), ([0x80, 0x00], 1002), ([0x01, 0x00, 0x81, 0x00], 1002),
      ([0x82, 0x7F, 0, 0, 0, 0, 0x10, 0, 0, 0], 1009), ([0x82, 0x7E, 0x01, 0x01], 1009),
      ([0x02, 0x64] + [UInt8](repeating: 0, count: 100) + [0x80, 0x7E, 0, 200], 1009),
      ([0x81, 0x01, 0xFF], 1007), ([0x88, 0x01, 0x03], 1002), ([0x88, 0x02, 0x03, 0xED], 1002), ([0x88, 0x03, 0x03, 0xE8, 0xFF], 1007),
    ] as [([UInt8], UInt16)])
  func violations(_ bytes: [UInt8], _ code: UInt16) {
    for step in [1, Int.max] {
      do {
        let events: [WebSocketEvent] = try decode(bytes, limit: 256, step: step)
        Issue.record("taken: \(events)")
      } catch {
        #expect((error as? WebSocketDecoder.Violation)?.closeCode == code, "\(error)")
      }
    }
    // A client must mask.
    #expect(throws: WebSocketDecoder.Violation.self) { try decode([0x81, 0x00], .server) }
  }

  @Test("Any bytes either decode or are refused, the same in every cut")
  func garbage() {
    var random = SeededRandom(seed: 6_455)
    for _ in 0..<2_000 {
      let bytes: [UInt8] = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
      func outcome(_ step: Int) -> String {
        do { return "\(try decode(bytes, .server, limit: 64, step: step))" } catch { return "\(error)" }
      }
      #expect(outcome(1) == outcome(.max))
    }
  }

  @Test("What is encoded decodes, masked and not, with bytes in front")
  func roundTrip() throws {
    var random = SeededRandom(seed: 1)
    for length in [0, 1, 124, 125, 126, 65_534, 65_535, 70_000] {
      let bytes: [UInt8] = (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
      for mask in [nil, UInt32(0xA1B2_C3D4)] {
        var wire = ByteBuffer()
        WebSocketEncoder.write(.binary, front: [2], ByteBuffer(bytes: bytes), mask: mask, to: &wire)
        let events: [WebSocketEvent] = try decode(Array(wire.readableBytesView), mask == nil ? .client : .server)
        #expect(events == [.binary(ByteBuffer(bytes: [2] + bytes))])
      }
    }
    let close: ByteBuffer = WebSocketEncoder.close(1011, String(repeating: "é", count: 100))
    #expect(try decode(Array(close.readableBytesView)) == [.close(code: 1011, reason: String(repeating: "é", count: 61))])
  }

  @Test("SHA-1 and the proof of the handshake (RFC 6455 section 1.3)")
  func proof() throws {
    func hex(_ text: String) -> String { SHA1.digest(Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    #expect(hex(String(repeating: "a", count: 1_000)) == "291e9a6c66994949b57ba5e650361e98fc36b1ba")
    #expect(WebSocketHandshake.proof("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    let request: HTTPRequest = WebSocketHandshake.request(
      authority: "a", path: "/", subprotocols: ["b", "c"], key: [UInt8](repeating: 5, count: 16))
    #expect(WebSocketHandshake.offered(request) == ["b", "c"])
    let answer: HTTPResponse = try WebSocketHandshake.answer(request, subprotocol: "c")
    #expect(try WebSocketHandshake.check(answer, to: request) == "c")
    for (field, value) in [("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Version", "8")] {
      var broken: HTTPRequest = request
      broken.headerFields[HTTPField.Name(field)!] = value
      #expect(throws: HTTPError(.protocolViolation, "")) { try WebSocketHandshake.answer(broken, subprotocol: nil) }
    }
  }
}
