import EtcdAPI
import HTTP
import Keyspace
import Primitives
import Synchronization

/// Clients that do as much as they are answered: each puts one value after the other, and now and then reads one linearizably.
final class SteadyClients: Sendable {
  struct Counts: Sendable {
    var writes: Int = 0
    var reads: Int = 0
    var failures: Int = 0
    var writeLatency = LatencyCounts()
    /// The longest time in which no write at all was acknowledged.
    var longestGap: Int64 = 0
    var lastWrite: MonotonicTime?
  }
  static let keys: Int = 10_000
  private static let value: Bytes = Bytes(repeating: 0x78, count: 256)

  private let state: Mutex<Counts> = Mutex(Counts())
  private let api: @Sendable (Int) -> MemberAPI
  private let clock = SystemClock()
  init(api: @escaping @Sendable (Int) -> MemberAPI) { self.api = api }

  var counts: Counts { state.withLock { $0 } }
  /// What was before does not count.
  func beginCounting() { state.withLock { $0 = Counts() } }

  /// Until its task is cancelled.
  func run(perMember: Int, seed: UInt64) async {
    var seeds = SeededRandom(seed: seed)
    await withTaskGroup(of: Void.self) { group in
      for member in TortureLayout.members.indices {
        let place: MemberAPI = api(member)
        for _ in 0..<perMember {
          let seed: UInt64 = seeds.next()
          group.addTask { await self.work(place, seed) }
        }
      }
    }
  }

  private func work(_ place: MemberAPI, _ seed: UInt64) async {
    var random = SeededRandom(seed: seed)
    while !Task.isCancelled {
      let key = Bytes("steady/\(Int.random(in: 0..<Self.keys, using: &random))")
      let begin: MonotonicTime = clock.now()
      do {
        if Int.random(in: 0..<10, using: &random) == 0 {
          _ = try await place.store.range(RangeRequest(key: key))
          state.withLock { $0.reads += 1 }
        } else {
          _ = try await place.store.put(key, Self.value)
          noteWrite(begin)
        }
      } catch {
        guard !Task.isCancelled else { return }
        state.withLock { $0.failures += 1 }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  private func noteWrite(_ begin: MonotonicTime) {
    let now: MonotonicTime = clock.now()
    state.withLock { counts in
      counts.writes += 1
      counts.writeLatency.add((now - begin).inNanoseconds)
      if let last: MonotonicTime = counts.lastWrite { counts.longestGap = max(counts.longestGap, (now - last).inNanoseconds) }
      counts.lastWrite = max(counts.lastWrite ?? now, now)
    }
  }
}
