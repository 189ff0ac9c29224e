import NIOCore
import Primitives
import Testing

@testable import SiteLink

@Suite(.timeLimit(.minutes(1)), .serialized) struct SlowWireTests {
  private struct Passage {
    var seconds: Double
    /// Milliseconds, one way.
    var heartbeats: [Double]
    var median: Double { heartbeats[heartbeats.count / 2] }
    var words: String {
      "\(seconds) s of at least 2.1; \(heartbeats.count) heartbeats one way, ms: median \(median), "
        + "p95 \(heartbeats[heartbeats.count * 95 / 100]), worst \(heartbeats.last ?? 0)"
    }
  }

  /// 4 MB of a snapshot, or of entries, and a heartbeat every 50 ms over 16 Mbit/s and 30 ms, to a member of that city.
  private func passage(to city: String, _ priority: LinkPriority = .bulk) async throws -> Passage {
    let federation = try Federation()
    var limits: LinkLimits = .quick
    limits.compression = .never
    limits.silence = .seconds(20)
    let one = try Member(1, "prod-1", federation, center: "production", city: "east", limits: limits)
    let two = try Member(2, "rdr-1", federation, center: city == "east" ? "production" : "remote-dr", city: city, limits: limits)
    try await one.link.start()
    try await two.link.start()
    let wire = try await SlowWire(to: two.link.port ?? 0, bytesPerSecond: 2_000_000, delay: .milliseconds(15))
    one.link.updatePeers([two.address(port: wire.port)])
    two.link.updatePeers([one.address()])
    await one.waitUp(two)
    let (link, member, size): (SiteLink, MemberID, Int) = (one.link, two.peer.member, 256 << 10)
    let snapshot: [(Bytes, LinkPriority)] = (0..<16).map { (Bytes(repeating: UInt8($0), count: size), priority) }
    let start: MonotonicTime = SystemClock().now()
    let taken: [Bool] = try await one.send(snapshot, to: two)
    try #require(taken.allSatisfy { $0 }, "\(taken.count { $0 }) taken; \(one.status(of: two)?.lastError ?? "no error")")
    // A heartbeat says when it left.
    let beats = one.loop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(50)) { _ in
      var frame = ByteBuffer()
      frame.writeInteger(SystemClock().now().nanoseconds)
      _ = link.send(frame, to: member, priority: .urgent)
    }
    var delays: [Double] = []
    var frames: Int = 0
    await two.wait { event in
      guard case .message(_, let bytes) = event else { return false }
      if bytes.count == 8 {
        var buffer = ByteBuffer(bytes: bytes)
        delays.append((SystemClock().now() - MonotonicTime(nanoseconds: buffer.readInteger() ?? 0)).inMilliseconds)
      } else {
        frames += 1
      }
      return frames == 16 && delays.count > 10
    }
    beats.cancel()
    let seconds: Double = (SystemClock().now() - start).inMilliseconds / 1000
    try #require(delays.count > 10)
    try await wire.close()
    await stop(one, two)
    return Passage(seconds: seconds, heartbeats: delays.sorted())
  }

  @Test func heartbeatsPassASnapshotOnASlowWireWithADeepBuffer() async throws {
    let far: Passage = try await passage(to: "west")
    print("slow wire, paced: \(far.words)")
    // Within a center nothing is paced: what it would be.
    let near: Passage = try await passage(to: "east")
    print("slow wire, not paced: \(near.words)")
    // 15 ms are the wire's own; the rest leaves room for a busy machine.
    #expect(far.median < 150 && far.median * 3 < near.median)
    #expect(far.seconds < 10, "bulk crawls: \(far.seconds) s")
  }

  @Test func heartbeatsPassEntriesOfAMemberFarBehindAsWell() async throws {
    let far: Passage = try await passage(to: "west", .normal)
    print("slow wire, entries paced: \(far.words)")
    let near: Passage = try await passage(to: "east", .normal)
    print("slow wire, entries not paced: \(near.words)")
    // Their window is four times that of bulk, and 128 KiB stand for 66 ms on this wire.
    #expect(far.median < 250 && far.median * 2 < near.median)
    #expect(far.seconds < 8, "entries crawl: \(far.seconds) s")
  }
}
