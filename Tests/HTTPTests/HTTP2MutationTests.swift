import NIOCore
import Primitives
import TestSupport
import Testing

@testable import HTTP

/// The written conversations (`testdata/http2-*.txt`) with bytes changed, lost, doubled and put in, cut where chance likes. A handler
/// answers everything. What must hold: nothing traps, the output is whole frames, a connection fails once and says nothing after that.
@Suite struct HTTP2MutationTests {
  /// What the client of every conversation sends.
  private static func conversations() throws -> [[UInt8]] {
    var result: [[UInt8]] = []
    for name in HTTP2TranscriptTests.names where name != "http2-floods" {
      let lines: [Substring] = try Transcript.readText(testdata(#filePath, "\(name).txt"))
        .split(separator: "\n", omittingEmptySubsequences: false)
      var script = CodecScript()
      var isCommand: Bool = true
      for line in lines {
        if line.isEmpty { isCommand = true } else if line == "----" { isCommand = false }
        guard isCommand, !line.isEmpty, !line.hasPrefix("#") else { continue }
        if line.hasPrefix("new"), script.sent.readableBytes > 0 { result.append(Array(script.sent.readableBytesView)) }
        _ = try script.run(String(line))
      }
      result.append(Array(script.sent.readableBytesView))
    }
    // Bulk is the other tests' business.
    return result.filter { $0.count < 8000 }
  }

  @Test func conversationsWithBytesChanged() async throws {
    let conversations: [[UInt8]] = try Self.conversations()
    #expect(conversations.count > 30)
    var random = SeededRandom(seed: 11)
    for (number, conversation) in conversations.enumerated() {
      for round in 0..<30 {
        var bytes: [UInt8] = conversation
        for _ in 0..<Int.random(in: 1...4, using: &random) { Self.change(&bytes, conversations, &random) }
        var client = AnsweredConnection()
        while !bytes.isEmpty, client.problem == nil {
          let count: Int = Int.random(in: 1...min(bytes.count, Bool.random(using: &random) ? 8000 : 9), using: &random)
          client.feed(ByteBuffer(bytes: bytes.prefix(count)))
          bytes.removeFirst(count)
        }
        if let problem: String = client.problem {
          Issue.record("conversation \(number), round \(round): \(problem)")
          return
        }
        await Task.yield()
      }
    }
  }

  /// A client that gives no window, asks, and resets what it asked for.
  @Test func resetsBeforeAClosedWindowPileUpNothing() {
    var limits = HTTPLimits()
    limits.streamsPerConnection = 4
    var codec = HTTP2Connection(limits: limits, peer: nil, remoteAddress: "client")
    var bytes = ByteBuffer(bytes: HTTP2Connection.preface)
    CodecScript.frame(&bytes, FrameType.settings, 0, 0, ByteBuffer())
    for number in 0..<UInt32(1000) {
      CodecScript.frame(&bytes, FrameType.headers, 5, 2 * number + 1, ByteBuffer(bytes: [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]))
      codec.receive(bytes, now: 1)
      while let event: HTTP2Connection.Event = codec.next() {
        guard case .request(let slot, _, _) = event else { continue }
        codec.sendHead(slot, FieldBlock(status: 200, []), end: false)
        codec.sendData(slot, ByteBuffer(repeating: 1, count: 30_000))
      }
      codec.finishTick()
      _ = codec.takeOutput()
      bytes.clear()
      CodecScript.frame(&bytes, FrameType.resetStream, 0, 2 * number + 1, ByteBuffer(integer: UInt32(8)))
    }
    #expect(!codec.isOver)
    #expect(codec.line.count <= 8)
    #expect(codec.streams.count <= 1)
    #expect(codec.pendingBytes <= 30_000)
  }

  private static func change(_ bytes: inout [UInt8], _ conversations: [[UInt8]], _ random: inout SeededRandom) {
    // The preface is not what this is about, most of the time.
    let start: Int = Int.random(in: 0...9, using: &random) == 0 ? 0 : min(HTTP2Connection.preface.count, bytes.count)
    guard start < bytes.count else { return }
    let place: Int = Int.random(in: start..<bytes.count, using: &random)
    let end: Int = min(bytes.count, place + Int.random(in: 1...20, using: &random))
    switch Int.random(in: 0...6, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 1: bytes[place] = UInt8.random(in: 0 ... .max, using: &random)
    case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
    case 3: bytes.removeSubrange(place..<end)
    case 4: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5: bytes.insert(contentsOf: (place..<end).map { _ in UInt8.random(in: 0 ... .max, using: &random) }, at: place)
    default:
      // Another conversation from there on.
      guard let other: [UInt8] = conversations.randomElement(using: &random), other.count > HTTP2Connection.preface.count else { return }
      let cut: Int = Int.random(in: HTTP2Connection.preface.count..<other.count, using: &random)
      bytes.replaceSubrange(place..., with: other[cut...])
    }
  }
}

/// A codec whose handler echoes.
private struct AnsweredConnection {
  private var codec: HTTP2Connection
  private var hasFailed: Bool = false
  private(set) var problem: String?

  init() {
    var limits = HTTPLimits()
    limits.streamsPerConnection = 10
    limits.bufferedResponse = 5_000
    codec = HTTP2Connection(limits: limits, peer: nil, remoteAddress: "client")
  }

  mutating func feed(_ bytes: ByteBuffer) {
    codec.receive(bytes, now: 1)
    takeEvents()
    codec.finishTick()
    takeEvents()
    readOutput()
  }

  private mutating func takeEvents() {
    while let event: HTTP2Connection.Event = codec.next() {
      if hasFailed { problem = "an event after the connection failed: \(event)" }
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
    if codec.isOver != hasFailed { problem = "the connection failed and did not say so" }
  }

  private mutating func readOutput() {
    guard let output: HTTP2Connection.Output = codec.takeOutput() else { return }
    var bytes = ByteBuffer()
    for segment in output.segments { bytes.writeImmutableBuffer(segment) }
    bytes.writeImmutableBuffer(output.last)
    while bytes.readableBytes > 0 {
      guard let frame: FrameHeader = bytes.peekFrameHeader(), frame.length <= HTTP2Connection.frameSize, frame.type <= 9,
        bytes.readableBytes >= FrameHeader.size + frame.length
      else { return problem = "the output is not made of frames" }
      bytes.moveReaderIndex(forwardBy: FrameHeader.size + frame.length)
    }
  }
}
