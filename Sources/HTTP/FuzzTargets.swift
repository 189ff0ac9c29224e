import NIOCore
import Primitives

extension FuzzTarget {
  /// What comes over connections, besides what swift-nio reads for us.
  public static var http: [FuzzTarget] { [grpc, protobuf, webSocketServer, webSocketClient, spdy, upgradeHead, grpcText] + http2 }

  private struct Seen<Event: Equatable>: Equatable {
    var events: [Event] = []
    var refusal: String = ""

    /// Everything that a decoder says to these pieces.
    init(_ pieces: [Bytes], _ append: (ByteBuffer) -> Void, _ next: () throws -> Event?) {
      do {
        for piece in pieces {
          append(ByteBuffer(bytes: piece))
          while let event: Event = try next() { events.append(event) }
        }
      } catch {
        refusal = "\(type(of: error)): \((error as? HTTPError)?.code.name ?? "\(error)")"
      }
    }
  }

  private static var grpc: FuzzTarget {
    let message = ByteBuffer.grpcMessage { $0.string(1, "hello") }
    let empty = ByteBuffer.grpcMessage { _ in }
    let both: Bytes = Bytes(message.readableBytesView) + Bytes(empty.readableBytesView) + Bytes(message.readableBytesView)
    return .stream("grpc-messages", corpus: [Bytes(message.readableBytesView), both]) { pieces in
      var decoder = GRPCMessageDecoder(limit: 1 << 20)
      let seen: Seen<ByteBuffer> = Seen(pieces, { decoder.append($0) }, { try decoder.next() })
      return (seen, seen.refusal.isEmpty)
    }
  }

  /// Every field by its wire type, what may be a message as a message.
  private static var protobuf: FuzzTarget {
    var writer = ProtobufWriter()
    writer.string(1, "text")
    writer.int64(2, -5)
    writer.double(3, 1.5)
    writer.fixed32(4, 7)
    writer.packed(5, [1, 300, 70_000])
    writer.map(6, ["a": "b"])
    writer.message(7) { inner in inner.message(1) { $0.uint64(2, .max) } }
    return .whole("protobuf-fields", corpus: [Bytes(writer.buffer.readableBytesView)]) { try walk(ProtobufReader(ByteBuffer(bytes: $0))) }
  }

  private static func walk(_ message: ProtobufReader) throws {
    var reader: ProtobufReader = message
    while let field = try reader.next() {
      switch (field.number, field.wire) {
      case (5, .lengthDelimited):
        var values: [UInt64] = []
        try reader.repeatedUInt64(field, into: &values)
      case (6, .lengthDelimited):
        var map: [String: String] = [:]
        try reader.mapEntry(field, into: &map)
      case (_, .lengthDelimited):
        // What is no message is text or bytes; each of the three must end well.
        var copy: ProtobufReader = reader
        if let inner: ProtobufReader = try? copy.message(field) { try? walk(inner) }
        copy = reader
        _ = try? copy.string(field)
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
  }

  private static func webSocket(_ name: String, _ role: WebSocketRole, _ mask: Bytes?) -> FuzzTarget {
    func frame(_ first: UInt8, _ payload: Bytes) -> Bytes {
      var length: Bytes = [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
      if payload.count <= 125 { length = [UInt8(payload.count)] }
      guard let mask else { return [first] + length + payload }
      length[0] |= 0x80
      return [first] + length + mask + payload.enumerated().map { $0.element ^ mask[$0.offset & 3] }
    }
    let long = Bytes(repeating: 0x61, count: 300)
    let fragments: Bytes = frame(0x01, Bytes("he")) + frame(0x89, [1, 2]) + frame(0x80, Bytes("llo"))
    let corpus: [Bytes] = [
      frame(0x81, Bytes("text")), frame(0x82, long), frame(0x8A, []), frame(0x88, [0x03, 0xE8] + Bytes("bye")), fragments,
    ]
    return .stream(name, corpus: corpus) { pieces in
      var decoder = WebSocketDecoder(role: role, messageLimit: 4_096)
      let seen: Seen<WebSocketEvent> = Seen(pieces, { decoder.append($0) }, { try decoder.next() })
      return (seen, seen.refusal.isEmpty)
    }
  }
  private static var webSocketServer: FuzzTarget { webSocket("websocket-from-clients", .server, [1, 2, 3, 4]) }
  private static var webSocketClient: FuzzTarget { webSocket("websocket-from-servers", .client, nil) }

  private static var spdy: FuzzTarget {
    let frames: [Bytes] = [
      [0x80, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9], Bytes(SPDYEncoder.data(5, ByteBuffer(string: "hello"), final: true).readableBytesView),
      Bytes(SPDYEncoder.ping(2).readableBytesView), [0x80, 3, 0, 3, 0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 5],
      [0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    return .stream("spdy-frames", corpus: frames + [frames.flatMap { $0 }]) { pieces in
      var decoder = SPDYDecoder(frameLimit: 1_000)
      let seen: Seen<SPDYEvent> = Seen(pieces, { decoder.append($0) }, { try decoder.next() })
      return (seen, seen.refusal.isEmpty)
    }
  }

  private static var upgradeHead: FuzzTarget {
    let head = Bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n")
    return FuzzTarget(
      "http1-upgrade-heads", corpus: [head, Bytes("HTTP/1.0 404 Not Found\nA:b\n\n")], words: [Bytes("\r\n"), Bytes(": ")]
    ) {
      input throws(FuzzFinding) in
      guard let end: Int = UpgradeClient.headEnd(ByteBuffer(bytes: input)) else { return false }
      guard end <= input.count else { throw FuzzFinding("a head of \(end) bytes in \(input.count)") }
      return UpgradeClient.parse(Bytes(input.prefix(end)).text) != nil
    }
  }

  private static var grpcText: FuzzTarget {
    FuzzTarget("grpc-status-texts", corpus: [Bytes("etcdserver: no leader"), Bytes("%E4%B8%A4%25")], words: [Bytes("%"), Bytes("%F")]) {
      input throws(FuzzFinding) in
      let text: String = GRPCStatus.decode(input.text)
      guard GRPCStatus.decode(GRPCStatus.encode(text)) == text else { throw FuzzFinding("a text does not come back: \(text)") }
      return true
    }
  }
}
