import NIOCore
import Primitives
import Testing

@testable import HTTP

/// Conversations that go wrong at random, from seeds. What must hold whatever comes: nothing traps, what is written is whole frames within
/// their limits, windows are never overdrawn, a broken connection says so once and is silent after that.
@Suite struct HTTP2FuzzTests {
  /// Each seed is one connection.
  @Test func connectionsUnderRandomFrames() async throws {
    for seed: UInt64 in 1...120 {
      var world = FuzzedConnection(seed: seed)
      let problem: String? = try world.run()
      if let problem {
        Issue.record("seed \(seed): \(problem)")
        return
      }
      await Task.yield()
    }
  }

  @Test func randomBytesAfterThePreface() async throws {
    var random = SeededRandom(seed: 3)
    for _ in 0..<1000 {
      var codec = HTTP2Connection(limits: HTTPLimits(), peer: nil, remoteAddress: "client")
      var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
      bytes.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
      for _ in 0..<Int.random(in: 0...200, using: &random) { bytes.writeInteger(UInt8.random(in: 0 ... .max, using: &random)) }
      if Bool.random(using: &random) {
        // Headers that look like frames.
        var frames = ByteBuffer()
        while let payload: ByteBuffer = bytes.readSlice(length: min(bytes.readableBytes, Int.random(in: 1...40, using: &random))) {
          CodecScript.frame(
            &frames, UInt8.random(in: 0...10, using: &random), UInt8.random(in: 0 ... .max, using: &random),
            UInt32.random(in: 0...9, using: &random), payload)
          if bytes.readableBytes == 0 { break }
        }
        bytes = frames
      }
      codec.receive(bytes, now: 1)
      while codec.next() != nil {}
      await Task.yield()
      codec.finishTick()
    }
  }
}

/// A client that mostly keeps the rules, and a handler that does anything at any time.
struct FuzzedConnection {
  private var random: SeededRandom
  private var script: CodecScript
  private var encoder: [UInt8] = [0x82, 0x86, 0x84, 0x41, 0x01, 0x61]
  private var open: [UInt32: Int] = [:]
  private var nextStream: UInt32 = 1
  /// What the codec may still send, as a client counts it.
  private var window: Int = 65_535
  private var streamWindows: [UInt32: Int] = [:]
  private var initialWindow: Int = 65_535
  private var failures: Int = 0
  private var codec: HTTP2Connection
  private let isWild: Bool

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    script = CodecScript()
    var limits = HTTPLimits()
    limits.streamsPerConnection = 20
    limits.streamWindow = 65_535
    limits.connectionWindow = 100_000
    limits.bufferedResponse = 5_000
    codec = HTTP2Connection(limits: limits, peer: nil, remoteAddress: "client")
    isWild = seed % 2 == 0
  }

  mutating func run() throws -> String? {
    var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
    CodecScript.frame(&bytes, FrameType.settings, 0, 0, ByteBuffer())
    codec.receive(bytes, now: 1)
    for _ in 0..<300 {
      if let problem: String = turn() { return problem }
      if codec.isOver { break }
    }
    return nil
  }

  private mutating func turn() -> String? {
    var bytes = ByteBuffer()
    for _ in 0..<Int.random(in: 0...4, using: &random) { clientActs(&bytes) }
    while bytes.readableBytes > 0, let part = bytes.readSlice(length: Int.random(in: 1...bytes.readableBytes, using: &random)) {
      codec.receive(part, now: 1)
      if let problem: String = takeEvents() { return problem }
    }
    for _ in 0..<Int.random(in: 0...4, using: &random) { handlerActs() }
    codec.finishTick()
    if let problem: String = takeEvents() { return problem }
    return readOutput()
  }

  private mutating func clientActs(_ bytes: inout ByteBuffer) {
    let some: UInt32 = open.keys.sorted().randomElement(using: &random) ?? nextStream
    switch Int.random(in: 0...(isWild ? 12 : 9), using: &random) {
    case 0...2:
      CodecScript.frame(&bytes, FrameType.headers, Bool.random(using: &random) ? 5 : 4, nextStream, ByteBuffer(bytes: encoder))
      // From the table the second time.
      encoder = [0x82, 0x86, 0x84, 0xBE]
      streamWindows[nextStream] = initialWindow
      nextStream += 2
    case 3...4:
      let length: Int = Int.random(in: 0...2000, using: &random)
      CodecScript.frame(
        &bytes, FrameType.data, Int.random(in: 0...3, using: &random) == 0 ? 1 : 0, some, ByteBuffer(repeating: 1, count: length))
    case 5: CodecScript.frame(&bytes, FrameType.resetStream, 0, some, ByteBuffer(integer: UInt32(8)))
    case 6:
      let more = UInt32.random(in: 1...5000, using: &random)
      CodecScript.frame(&bytes, FrameType.windowUpdate, 0, some, ByteBuffer(integer: more))
      streamWindows[some, default: 0] += Int(more)
    case 7:
      let more = UInt32.random(in: 1...50_000, using: &random)
      CodecScript.frame(&bytes, FrameType.windowUpdate, 0, 0, ByteBuffer(integer: more))
      window += Int(more)
    case 8:
      let value = Int.random(in: 0...100_000, using: &random)
      var payload = ByteBuffer(integer: SettingID.initialWindowSize)
      payload.writeInteger(UInt32(value))
      CodecScript.frame(&bytes, FrameType.settings, 0, 0, payload)
      for id in streamWindows.keys { streamWindows[id, default: 0] += value - initialWindow }
      initialWindow = value
    case 9: CodecScript.frame(&bytes, FrameType.ping, 0, 0, ByteBuffer(integer: UInt64(1)))
    default:
      let length: Int = Int.random(in: 0...30, using: &random)
      let garbage = ByteBuffer(bytes: (0..<length).map { _ in UInt8.random(in: 0 ... .max, using: &random) })
      CodecScript.frame(
        &bytes, UInt8.random(in: 0...9, using: &random), UInt8.random(in: 0 ... .max, using: &random),
        Bool.random(using: &random) ? some : UInt32.random(in: 0...40, using: &random), garbage)
    }
  }

  private mutating func handlerActs() {
    guard let id: UInt32 = open.keys.sorted().randomElement(using: &random), let slot: Int = open[id] else {
      codec.maySend = true
      return
    }
    switch Int.random(in: 0...9, using: &random) {
    case 0...1: codec.sendHead(slot, FieldBlock(status: 200, [("x", "y")]), end: false)
    case 2...4: codec.sendData(slot, ByteBuffer(repeating: 2, count: Int.random(in: 0...20_000, using: &random)))
    case 5: codec.pause(slot)
    case 6: codec.resume(slot)
    case 7: codec.maySend = Bool.random(using: &random)
    case 8: _ = codec.isWritable(slot)
    default:
      if Bool.random(using: &random) {
        codec.sendHead(slot, FieldBlock(status: 200, []), end: false)
        codec.sendEnd(slot, trailers: Bool.random(using: &random) ? FieldBlock(status: nil, [("t", "1")]) : nil)
      } else {
        codec.reset(slot, .internalError)
      }
      open[id] = nil
    }
  }

  private mutating func takeEvents() -> String? {
    while let event: HTTP2Connection.Event = codec.next() {
      if failures > 0 { return "an event after the connection failed: \(event)" }
      switch event {
      case .request(let slot, _, _):
        let id: UInt32 = codec.streams.slots[slot].id
        open[id] = slot
      case .aborted(let slot, _): open = open.filter { $0.value != slot }
      case .failed: failures += 1
      default: break
      }
    }
    if codec.streams.count > codec.limits.streamsPerConnection { return "\(codec.streams.count) streams are open" }
    let held: Int = codec.streams.open.reduce(0) { $0 + codec.streams.slots[$1].heldBytes }
    if held != codec.heldBytes { return "\(held) bytes are held, \(codec.heldBytes) counted" }
    let pending: Int = codec.streams.open.reduce(0) { $0 + codec.streams.slots[$1].pendingBytes }
    if pending != codec.pendingBytes { return "\(pending) bytes wait, \(codec.pendingBytes) counted" }
    return nil
  }

  private mutating func readOutput() -> String? {
    guard let output: HTTP2Connection.Output = codec.takeOutput() else { return nil }
    var bytes = ByteBuffer()
    for segment in output.segments { bytes.writeImmutableBuffer(segment) }
    bytes.writeImmutableBuffer(output.last)
    while bytes.readableBytes > 0 {
      guard let frame: FrameHeader = bytes.peekFrameHeader(), frame.length <= HTTP2Connection.frameSize,
        bytes.readableBytes >= FrameHeader.size + frame.length
      else { return "the output is not made of frames" }
      bytes.moveReaderIndex(forwardBy: FrameHeader.size + frame.length)
      guard frame.type == FrameType.data else { continue }
      window -= frame.length
      streamWindows[frame.stream, default: 0] -= frame.length
      // Garbage may have opened windows that this client does not know of.
      if isWild || frame.length == 0 { continue }
      if window < 0 { return "the connection's window is overdrawn by \(-window) bytes" }
      if let left: Int = streamWindows[frame.stream], left < 0 { return "stream \(frame.stream)'s window is overdrawn by \(-left) bytes" }
    }
    return nil
  }
}
