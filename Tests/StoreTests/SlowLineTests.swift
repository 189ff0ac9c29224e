import Glibc
import Keyspace
import Primitives
import Testing

@testable import Store

/// The line to the far city: 16 Mbit/s and 30 ms, with a router that takes whatever comes. Members beside busy neighbours elect for want
/// of a processor, so it belongs to what has the machine to itself.
@Suite(
  .serialized, .timeLimit(.minutes(2)), .enabled(if: getenv("TRICENTER_DRILLS") != nil, "Tests/run --drills --filter SlowLine runs it"))
struct SlowLineTests {
  private static let value: Bytes = CompressibleNot.bytes(100_000)

  /// Prints what it measured.
  @Test func `entries and then a snapshot fill the line to the far city, and nobody is elected`() async throws {
    let ports: [Int] = FiveTown.freePorts(5)
    let router = try await SlowRouter(to: ports[4], bytesPerSecond: 2_000_000, delay: .milliseconds(15))
    try await FiveTown.with(FiveTown(tick: .milliseconds(25), ports: ports, farPort: router.port)) { town in
      try await wait("the far member") { town[4].leadership.leader != nil }
      let leader: Int = town[0].leadership.isLocal ? 0 : 1
      let term: UInt64 = town[leader].raftTerm
      let clock = SystemClock()
      func write(_ prefix: String, _ count: Int) async throws -> Duration {
        var longest: Duration = .zero
        for number in 0..<count {
          let began: MonotonicTime = clock.now()
          _ = try await town[leader].put(Bytes("\(prefix)\(number)"), Self.value)
          longest = max(longest, clock.now() - began)
        }
        return longest
      }
      func expectCalm(_ what: String) {
        #expect(town[leader].leadership.isLocal, "\(what): the leader gave up")
        for number in 0..<5 { #expect(town[number].raftTerm == term, "\(what): member \(number) is in another term") }
      }
      // 6 MB of entries: three seconds of the line.
      let flood: Duration = try await write("flood-", 60)
      expectCalm("entries under way")
      try await wait("the far member to have them") { town[4].revision == town[leader].revision }
      expectCalm("entries delivered")
      // What it misses now is longer than the log: a snapshot of some 12 MB, six seconds.
      await town.stop(4)
      _ = try await write("missed-", 60)
      let began: MonotonicTime = clock.now()
      try await town.start(4)
      var longest: Duration = .zero
      var writes: Int = 0
      while town[4].revision < town[leader].revision || writes < 50, clock.now() - began < .seconds(60) {
        let start: MonotonicTime = clock.now()
        _ = try await town[leader].put(Bytes("small"), Bytes("\(writes)"))
        longest = max(longest, clock.now() - start)
        writes += 1
        try await Task.sleep(for: .milliseconds(20))
      }
      expectCalm("a snapshot delivered")
      #expect(town[4].status.snapshotIndex > 60)
      print(
        "a line of 16 Mbit/s and 30 ms: snapshot delivered after \((clock.now() - began).inMilliseconds) ms, \(writes) writes meanwhile, the "
          + "slowest \(longest.inMilliseconds) ms; before, entries of 6 MB, the slowest write \(flood.inMilliseconds) ms")
    }
    try await router.close()
  }
}
