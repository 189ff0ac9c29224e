import NIOCore
import NIOHPACK

@testable import HTTP

/// A conversation with `HTTP2Connection` in words: what a client sends and what a handler answers, and what comes of it: events
/// (`request`, `data`, …) and frames (`-> …`). Header blocks are made and read by NIOHPACK.
///
///     new [limit=value …]                     a connection; prints the opening frames
///     preface · settings [id=value …] [ack] · headers ID [end] [part] [pad=N] [priority] name=value … · continuation ID [part] name=value
/// …
///     data ID BYTES [end] [pad=N] · window ID N · rst ID CODE · ping [ack] · pings N · goaway · frame TYPE FLAGS ID HEX · bytes HEX
///     respond ID STATUS [end] [name=value …] · body ID BYTES · finish ID [name=value …] · reset ID · pause ID · resume ID
///     writable ID · block · unblock · drain · times N COMMAND (`$` in it is the next new stream; prints what came last)
struct CodecScript {
  struct Unknown: Error { var command: String }

  var codec: HTTP2Connection
  private var encoder = HPACKEncoder(allocator: ByteBufferAllocator(), useHuffmanEncoding: false)
  private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
  private var slots: [UInt32: Int] = [:]
  private var ids: [Int: UInt32] = [:]
  private var nextStream: UInt32 = 1
  /// 1: byte by byte.
  var piece: Int = .max
  private(set) var sent = ByteBuffer()
  private var now: UInt64 = 1

  init(limits: HTTPLimits = HTTPLimits()) { codec = HTTP2Connection(limits: limits, peer: nil, remoteAddress: "client") }

  mutating func run(_ line: String) throws -> String {
    var words: [String] = line.split(separator: " ").map(String.init)
    let command: String = words.removeFirst()
    if command == "times", let count = Int(words.removeFirst()) {
      var last: String = ""
      for _ in 0..<count {
        let text: String = try run(words.map { $0 == "$" ? "\(nextStream)" : $0 }.joined(separator: " "))
        if !text.isEmpty { last = text }
        if codec.isOver { break }
      }
      return last
    }
    if command == "new" {
      let piece: Int = piece
      self = CodecScript(limits: try Self.limits(words))
      self.piece = piece
    } else if try !handle(command, words) {
      feed(try frames(command, words))
    }
    return settle().joined(separator: "\n")
  }

  private static func limits(_ words: [String]) throws -> HTTPLimits {
    var limits = HTTPLimits()
    for word in words {
      let pair: [Substring] = word.split(separator: "=")
      guard pair.count == 2, let value = Int(pair[1]) else { throw Unknown(command: word) }
      switch pair[0] {
      case "streams": limits.streamsPerConnection = value
      case "streamWindow": limits.streamWindow = value
      case "connectionWindow": limits.connectionWindow = value
      case "headerBytes": limits.headerBytes = value
      case "headerFields": limits.headerFields = value
      case "resets": limits.resetsPerWindow = value
      case "controls": limits.controlFramesPerWindow = value
      case "response": limits.bufferedResponse = value
      default: throw Unknown(command: word)
      }
    }
    return limits
  }

  // MARK: the handler's side

  private mutating func handle(_ command: String, _ words: [String]) throws -> Bool {
    switch command {
    case "block": codec.maySend = false
    case "unblock": codec.maySend = true
    case "drain": codec.drain()
    case "later": now += 10_000_000_000
    case "respond", "body", "finish", "reset", "pause", "resume", "writable":
      guard let id = UInt32(words[0]), let slot: Int = slots[id] else { throw Unknown(command: "\(command) \(words)") }
      let rest: [String] = Array(words.dropFirst())
      switch command {
      case "respond":
        let block = FieldBlock(status: Int(rest[0]), Self.pairs(rest.dropFirst()))
        codec.sendHead(slot, block, end: rest.contains("end"))
      case "body": codec.sendData(slot, ByteBuffer(repeating: 0x79, count: Int(rest[0]) ?? 0))
      case "finish": codec.sendEnd(slot, trailers: rest.isEmpty ? nil : FieldBlock(status: nil, Self.pairs(rest[...])))
      case "reset": codec.reset(slot, .internalError)
      case "pause": codec.pause(slot)
      case "resume": codec.resume(slot)
      default: notes.append("writable \(codec.isWritable(slot))")
      }
    default: return false
    }
    return true
  }
  private var notes: [String] = []

  private static func pairs(_ words: ArraySlice<String>) -> [(String, String)] {
    words.compactMap { word in
      guard let cut: String.Index = word.dropFirst().firstIndex(of: "=") else { return nil }
      return (String(word[..<cut]), String(word[word.index(after: cut)...]).replacing("_", with: " "))
    }
  }

  // MARK: the client's side

  private mutating func frames(_ command: String, _ words: [String]) throws -> ByteBuffer {
    var bytes = ByteBuffer()
    let id: UInt32 = words.first.flatMap { UInt32($0) } ?? 0
    let padding: Int? = words.first { $0.hasPrefix("pad=") }.flatMap { Int($0.dropFirst(4)) }
    let end: UInt8 = words.contains("end") ? FrameFlags.endStream : 0
    switch command {
    case "preface": bytes.writeBytes(HTTP2Connection.preface)
    case "settings":
      var payload = ByteBuffer()
      for (name, value) in Self.pairs(words[...]) {
        payload.writeInteger(UInt16(name) ?? 0)
        payload.writeInteger(UInt32(value) ?? 0)
      }
      Self.frame(&bytes, FrameType.settings, words.contains("ack") ? FrameFlags.ack : 0, id, payload)
    case "headers", "continuation":
      let block: ByteBuffer = try block(Self.pairs(words[...]).filter { $0.0 != "pad" })
      var flags: UInt8 = words.contains("part") ? 0 : FrameFlags.endHeaders
      guard command == "headers" else {
        Self.frame(&bytes, FrameType.continuation, flags, id, block)
        break
      }
      flags |= end
      var payload = ByteBuffer()
      if let padding {
        flags |= FrameFlags.padded
        payload.writeInteger(UInt8(padding))
      }
      if words.contains("priority") {
        flags |= FrameFlags.priority
        payload.writeBytes([0x80, 0, 0, 3, 16])
      }
      payload.writeImmutableBuffer(block)
      if let padding { payload.writeRepeatingByte(0, count: padding) }
      nextStream = max(nextStream, id + 2)
      Self.frame(&bytes, FrameType.headers, flags, id, payload)
    case "data":
      var payload = ByteBuffer()
      if let padding { payload.writeInteger(UInt8(padding)) }
      payload.writeRepeatingByte(0x78, count: Int(words[1]) ?? 0)
      if let padding { payload.writeRepeatingByte(0, count: padding) }
      Self.frame(&bytes, FrameType.data, end | (padding == nil ? 0 : FrameFlags.padded), id, payload)
    case "window": Self.frame(&bytes, FrameType.windowUpdate, 0, id, ByteBuffer(integer: UInt32(words[1]) ?? 0))
    case "rst": Self.frame(&bytes, FrameType.resetStream, 0, id, ByteBuffer(integer: UInt32(words[1]) ?? 0))
    case "ping": Self.frame(&bytes, FrameType.ping, words.contains("ack") ? 1 : 0, 0, ByteBuffer(integer: HTTP2Connection.drainPing))
    case "pings":
      for _ in 0..<(Int(words[0]) ?? 0) { Self.frame(&bytes, FrameType.ping, 0, 0, ByteBuffer(integer: UInt64(1))) }
    case "goaway": Self.frame(&bytes, FrameType.goAway, 0, 0, ByteBuffer(integer: UInt64(0)))
    case "frame":
      let payload: ByteBuffer = words.count > 3 ? try Self.hex(words[3]) : ByteBuffer()
      Self.frame(&bytes, UInt8(words[0]) ?? 0, UInt8(words[1]) ?? 0, UInt32(words[2]) ?? 0, payload)
    case "bytes": bytes = try Self.hex(words[0])
    default: throw Unknown(command: command)
    }
    return bytes
  }

  private mutating func block(_ fields: [(String, String)]) throws -> ByteBuffer {
    try encoder.beginEncoding(allocator: ByteBufferAllocator())
    for (name, value) in fields {
      // `request=METHOD:PATH` stands for the four pseudo fields.
      if name == "request" {
        let parts: [Substring] = value.split(separator: ":", maxSplits: 1)
        try encoder.append(header: ":method", value: String(parts[0]))
        try encoder.append(header: ":scheme", value: "http")
        try encoder.append(header: ":path", value: String(parts[1]))
        try encoder.append(header: ":authority", value: "a")
      } else if name == "big" {
        try encoder.appendNonIndexed(header: "x-big", value: String(repeating: "b", count: Int(value) ?? 0))
      } else if name == "many" {
        for number in 0..<(Int(value) ?? 0) { try encoder.appendNonIndexed(header: "x-\(number)", value: "y") }
      } else {
        try encoder.append(header: name, value: value)
      }
    }
    return try encoder.endEncoding()
  }

  static func hex(_ text: String) throws -> ByteBuffer {
    guard text.utf8.count % 2 == 0 else { throw Unknown(command: text) }
    var bytes = ByteBuffer()
    var rest: Substring = text[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { throw Unknown(command: text) }
      bytes.writeInteger(byte)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  static func frame(_ bytes: inout ByteBuffer, _ type: UInt8, _ flags: UInt8, _ id: UInt32, _ payload: ByteBuffer) {
    bytes.writeFrameHeader(length: payload.readableBytes, type: type, flags: flags, stream: id)
    bytes.writeImmutableBuffer(payload)
  }

  private mutating func feed(_ bytes: ByteBuffer) {
    sent.writeImmutableBuffer(bytes)
    var rest: ByteBuffer = bytes
    // Long frames in larger crumbs.
    let piece: Int = piece == 1 && bytes.readableBytes > 500 ? 97 : piece
    while rest.readableBytes > 0, let part: ByteBuffer = rest.readSlice(length: min(piece, rest.readableBytes)) {
      codec.receive(part, now: now)
      if rest.readableBytes > 0 { takeEvents() }
    }
  }

  // MARK: what comes of it

  private mutating func takeEvents() {
    while let event: HTTP2Connection.Event = codec.next() { notes.append(describe(event)) }
  }

  private mutating func settle() -> [String] {
    while true {
      takeEvents()
      codec.finishTick()
      takeEvents()
      guard var output: HTTP2Connection.Output = codec.takeOutput() else { break }
      var bytes = ByteBuffer()
      for segment in output.segments { bytes.writeImmutableBuffer(segment) }
      bytes.writeImmutableBuffer(output.last)
      codec.reuse(&output.last)
      while let header: FrameHeader = bytes.peekFrameHeader() {
        bytes.moveReaderIndex(forwardBy: FrameHeader.size)
        notes.append(describe(header, bytes.readSlice(length: header.length) ?? ByteBuffer()))
      }
      if bytes.readableBytes > 0 { notes.append("-> \(bytes.readableBytes) bytes that are no frame") }
    }
    defer { notes = [] }
    return notes.reduce(into: []) { lines, line in if lines.last != line { lines.append(line) } }
  }

  private mutating func describe(_ event: HTTP2Connection.Event) -> String {
    switch event {
    case .request(let slot, let head, let end):
      let id: UInt32 = codec.streams.slots[slot].id
      slots[id] = slot
      ids[slot] = id
      var fields: String = ""
      if case .http2(let list) = head.fields { fields = list.map { " \($0.name)=\($0.value.count > 40 ? "…" : $0.value)" }.joined() }
      return "request \(id) \(head.method) \(head.scheme)://\(head.authority)\(head.path)\(fields)\(end ? " end" : "")"
    case .data(let slot, let bytes, let end): return "data \(ids[slot] ?? 0) \(bytes.readableBytes)\(end ? " end" : "")"
    case .end(let slot): return "end \(ids[slot] ?? 0)"
    case .aborted(let slot, let reason): return "aborted \(ids[slot] ?? 0): \(reason)"
    case .writable(let slot): return "writable \(ids[slot] ?? 0)"
    case .refused(let reason): return "refused: \(reason)"
    case .pong: return "pong"
    case .drained: return "drained"
    case .failed(let code, let reason): return "failed \(code): \(reason)"
    }
  }

  private mutating func describe(_ header: FrameHeader, _ payload: ByteBuffer) -> String {
    let id: String = header.stream == 0 ? "" : " \(header.stream)"
    let first: UInt32 = payload.getInteger(at: payload.readerIndex) ?? 0
    switch header.type {
    case FrameType.data: return "-> DATA\(id) \(header.length)\(header.has(1) ? " end" : "")"
    case FrameType.headers:
      var block: ByteBuffer = payload
      let fields: String = (try? decoder.decodeHeaders(from: &block))?.map { " \($0.name)=\($0.value)" }.joined() ?? " undecodable"
      return "-> HEADERS\(id)\(header.has(1) ? " end" : "")\(header.has(4) ? "" : " part")\(fields)"
    case FrameType.continuation: return "-> CONTINUATION\(id) \(header.length)\(header.has(4) ? "" : " part")"
    case FrameType.resetStream: return "-> RST_STREAM\(id) \(HTTP2ErrorCode(value: first))"
    case FrameType.settings: return header.has(1) ? "-> SETTINGS ack" : "-> SETTINGS \(header.length / 6)"
    case FrameType.ping: return "-> PING\(header.has(1) ? " ack" : "")"
    case FrameType.windowUpdate: return "-> WINDOW_UPDATE\(id) \(first)"
    case FrameType.goAway:
      let code: UInt32 = payload.getInteger(at: payload.readerIndex + 4) ?? 0
      return "-> GOAWAY \(first) \(HTTP2ErrorCode(value: code))"
    default: return "-> type \(header.type)"
    }
  }
}
