import Primitives
import Testing

@testable import SiteLink

/// A link of some bandwidth and delay with a buffer that drops nothing, and a sender that always has more: the pacer alone keeps the
/// buffer short.
struct PacedLink {
  var pacer: LinkPacer
  let bytesPerSecond: Double
  let roundTrip: Double
  var now: Double = 1
  /// When the link has sent what it was given.
  var free: Double = 0
  var pongs: [(at: Double, token: UInt64, sent: Double)] = []
  var delivered: Int = 0
  var longestQueue: Double = 0

  init(_ pacer: LinkPacer, megabits: Double, roundTrip: Double) {
    self.pacer = pacer
    bytesPerSecond = megabits * 125_000
    self.roundTrip = roundTrip
  }

  private func time(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds * 1e9)) }

  mutating func run(until end: Double, queueFrom: Double = 0) {
    while now < end {
      while let first = pongs.first, first.at <= now {
        pongs.removeFirst()
        pacer.onPong(first.token, roundTrip: .nanoseconds(Int64((first.at - first.sent) * 1e9)), now: time(now))
      }
      while pacer.allowance(time(now)) > 0 {
        let piece: Int = 16 << 10
        free = max(free, now) + Double(piece) / bytesPerSecond
        if now >= queueFrom { longestQueue = max(longestQueue, free - now) }
        let token = UInt64(now * 1e9) + UInt64(pongs.count)
        pacer.sent(piece, markedBy: token)
        pongs.append((free + roundTrip, token, now))
        delivered += piece
      }
      now += 0.001
    }
  }
}

@Suite struct PacerTests {
  private func pacer(rate: Int = 0, isAdaptive: Bool = true) -> LinkPacer {
    LinkPacer(target: .milliseconds(50), bytesPerSecond: rate, isAdaptive: isAdaptive)
  }

  @Test(arguments: [(10.0, 0.030), (20.0, 0.030), (100.0, 0.030), (1000.0, 0.030), (10.0, 0.002), (100.0, 0.100)])
  func bulkFillsALinkWithoutFillingItsBuffer(megabits: Double, roundTrip: Double) {
    var link = PacedLink(pacer(), megabits: megabits, roundTrip: roundTrip)
    link.run(until: 11, queueFrom: 2)
    let used: Double = Double(link.delivered) / 10 / link.bytesPerSecond
    #expect(used > 0.8, "only \(used) of the link was used")
    #expect(link.longestQueue < 0.1, "a heartbeat waits \(link.longestQueue) s")
  }

  @Test(arguments: [(10.0, 0.030), (100.0, 0.030), (1000.0, 0.030), (100.0, 0.100)])
  func entriesFillALinkAndLeaveHeartbeatsTheirTime(megabits: Double, roundTrip: Double) {
    let entries = LinkPacer(
      target: LinkLimits().entryDelayTarget, bytesPerSecond: 0, isAdaptive: true, floor: LinkPacer.smallestOfEntries)
    var link = PacedLink(entries, megabits: megabits, roundTrip: roundTrip)
    link.run(until: 11, queueFrom: 2)
    let used: Double = Double(link.delivered) / 10 / link.bytesPerSecond
    #expect(used > 0.85, "only \(used) of the link was used")
    #expect(link.longestQueue < 0.16, "a heartbeat waits \(link.longestQueue) s")
  }

  @Test func theRateIsNeverExceeded() {
    var link = PacedLink(pacer(rate: 1_000_000), megabits: 1000, roundTrip: 0.03)
    link.run(until: 11)
    #expect(link.delivered > 9_500_000 && link.delivered < 10_300_000, "\(link.delivered)")
    #expect(pacer(rate: 1_000_000).wait == nil)
    var spent: LinkPacer = pacer(rate: 1_000_000, isAdaptive: false)
    spent.sent(200_000, markedBy: 1)
    #expect((spent.wait ?? .zero) > .milliseconds(100))
  }

  @Test func bulkGivesWayToOthersAndComesBack() {
    var link = PacedLink(pacer(), megabits: 100, roundTrip: 0.03)
    link.run(until: 5)
    let before: Int = link.pacer.window
    // Somebody else fills the buffer: every round trip takes 200 ms more.
    for round in 0..<20 {
      let token: UInt64 = .max - 100 + UInt64(round)
      link.pacer.sent(16 << 10, markedBy: token)
      link.pacer.onPong(token, roundTrip: .milliseconds(230), now: MonotonicTime(nanoseconds: Int64(5e9) + Int64(round) * 300_000_000))
    }
    #expect(link.pacer.window == LinkPacer.smallest && before > 4 * LinkPacer.smallest)
    #expect(link.pacer.inFlight == 0)
  }

  @Test func withinACenterTheRoundTripDecidesNothing() {
    var near: LinkPacer = pacer(isAdaptive: false)
    near.sent(1 << 20, markedBy: 1)
    near.onPong(1, roundTrip: .seconds(1), now: MonotonicTime(nanoseconds: 1_000_000_000))
    #expect(near.window == LinkPacer.largest && near.inFlight == 0)
  }
}
