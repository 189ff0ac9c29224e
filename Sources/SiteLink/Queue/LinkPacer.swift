import NIOCore
import Primitives

/// How much of one class (bulk, or entries) may be on its way to one peer: between the queue and the peer's event loop, whoever holds it
/// (our kernel, a router's buffer, the peer's kernel). A value without a clock.
///
/// Every piece is followed by a ping, whose pong says that the piece has arrived and how long it took. As LEDBAT does (RFC 6817)
/// the window grows while the round trip stays near the shortest one seen and shrinks when it becomes longer than that plus
/// the target: then it is we who fill some buffer that heartbeats wait in, or others need the link more. Unlike LEDBAT it
/// begins with doubling and gives way by a factor (as LEDBAT++), since a snapshot shall neither crawl for a minute nor hold a heartbeat for
/// one.
///
/// Bulk and entries have a pacer each: both see the same round trips, and the one with the shorter target, bulk, gives way first.
struct LinkPacer {
  /// Of bulk: room for two pieces, so that one travels while the other is confirmed: 26 ms at 10 Mbit/s.
  static let smallest: Int = 32 << 10
  /// Of entries: a peer that is merely busy makes round trips long, too, and shall still be written to at 4 MiB/s over 30 ms. On a line of
  /// 10 Mbit/s that much stands for 105 ms.
  static let smallestOfEntries: Int = 128 << 10
  static let largest: Int = 8 << 20
  /// The window grows by so much per round trip at most once it has met its limit.
  private static let step: Int = 64 << 10
  /// The shortest round trip is that of the last one to two of these: routes change.
  private static let memory: Duration = .seconds(60)

  private let target: Int64
  private let bytesPerSecond: Int
  private let isAdaptive: Bool
  private let floor: Int

  private(set) var window: Int
  private(set) var inFlight: Int = 0
  private var marks: CircularBuffer<(token: UInt64, bytes: Int)> = CircularBuffer()
  private var isDoubling: Bool = true
  private var lastCut = MonotonicTime(nanoseconds: .min / 2)
  private var shortest: (now: Int64, before: Int64) = (.max, .max)
  private var shortestSince: MonotonicTime?
  private var credit: Double
  private var creditAt: MonotonicTime?

  /// - Parameters:
  ///   - bytesPerSecond: what is never exceeded, 0 for no such limit.
  ///   - isAdaptive: whether the round trip decides; not within a center, where bulk is not what fills the network.
  ///   - floor: the window is never smaller.
  init(target: Duration, bytesPerSecond: Int, isAdaptive: Bool, floor: Int = Self.smallest) {
    self.target = max(1, target.inNanoseconds)
    self.bytesPerSecond = bytesPerSecond
    self.isAdaptive = isAdaptive
    self.floor = floor
    window = isAdaptive ? 2 * floor : Self.largest
    credit = Double(Self.burst(bytesPerSecond))
  }

  private static func burst(_ bytesPerSecond: Int) -> Int { max(smallest, bytesPerSecond / 10) }

  /// Bytes that may go now; a piece may exceed it by what a chunk is larger.
  mutating func allowance(_ now: MonotonicTime) -> Int {
    let room: Int = window - inFlight
    guard bytesPerSecond > 0 else { return max(0, room) }
    if let creditAt {
      let earned: Double = Double((now - creditAt).inNanoseconds) * Double(bytesPerSecond) / 1e9
      credit = min(Double(Self.burst(bytesPerSecond)), credit + earned)
    }
    creditAt = now
    return max(0, min(room, Int(credit)))
  }

  /// Until there is credit for the smallest window again; nil where it is not the rate that holds bulk back.
  var wait: Duration? {
    guard bytesPerSecond > 0, credit < 1, inFlight < window else { return nil }
    let missing: Double = Double(Self.smallest / 2) - credit
    return .nanoseconds(Int64(max(1e6, missing / Double(bytesPerSecond) * 1e9)))
  }

  /// A ping with this token went right behind `bytes` of its class (0: behind none).
  mutating func sent(_ bytes: Int, markedBy token: UInt64) {
    inFlight += bytes
    credit -= Double(bytes)
    marks.append((token, bytes))
  }

  mutating func onPong(_ token: UInt64, roundTrip: Duration, now: MonotonicTime) {
    var arrived: Int = 0
    while let first = marks.first, first.token <= token {
      arrived += first.bytes
      marks.removeFirst()
    }
    let wasFull: Bool = inFlight * 2 >= window
    inFlight -= arrived
    let nanoseconds: Int64 = max(1, roundTrip.inNanoseconds)
    remember(nanoseconds, now)
    guard isAdaptive, arrived > 0 else { return }
    let delay: Int64 = nanoseconds - min(shortest.now, shortest.before)
    if delay > target {
      isDoubling = false
      guard now - lastCut > roundTrip else { return }
      lastCut = now
      window = max(floor, max(window / 2, Int(Int64(window) * target / delay)))
    } else if wasFull {
      if isDoubling, delay <= target / 2 {
        window += arrived
      } else {
        isDoubling = false
        window += Int(Double(Self.step) * Double(target - delay) / Double(target) * min(1, Double(arrived) / Double(window)))
      }
      window = min(window, Self.largest)
    }
  }

  private mutating func remember(_ nanoseconds: Int64, _ now: MonotonicTime) {
    if let since: MonotonicTime = shortestSince, now - since < Self.memory {
      shortest.now = min(shortest.now, nanoseconds)
    } else {
      shortest = (nanoseconds, shortest.now)
      shortestSince = now
    }
  }
}
