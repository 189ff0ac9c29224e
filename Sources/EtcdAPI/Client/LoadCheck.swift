import Keyspace
import Primitives
import Synchronization

/// `etcdctl check perf`: puts of 1 KiB under keys of 256 bytes at a fixed rate for a minute, and what they must not fall below.
public struct LoadCheck: Sendable {
  /// etcd's table (`etcdctl/ctlv3/command/check.go`).
  public enum Load: String, CaseIterable, Sendable {
    case small = "s", medium = "m", large = "l", extraLarge = "xl"

    /// Puts per second.
    public var rate: Int {
      switch self {
      case .small: 150
      case .medium: 1_000
      case .large: 8_000
      case .extraLarge: 15_000
      }
    }
    public var clients: Int {
      switch self {
      case .small: 50
      case .medium: 200
      case .large: 500
      case .extraLarge: 1_000
      }
    }
  }

  public struct Result: Hashable, Sendable {
    public var writes: Int = 0
    public var failures: Int = 0
    public var seconds: Double = 0
    public var slowest: Double = 0
    public var deviation: Double = 0
    public var perSecond: Double { seconds > 0 ? Double(writes) / seconds : 0 }
    /// The first failure's sentence.
    public var failure: String?

    /// etcd's limits: 0.9 of the rate, half a second for the slowest, 0.1 s of standard deviation. Failures are counted as well.
    public func verdicts(_ load: Load) -> [(passed: Bool, sentence: String)] {
      func text(_ seconds: Double) -> String {
        let micro = Int((seconds * 1_000_000).rounded())
        return "\(micro / 1_000_000).\(String(repeating: "0", count: 6 - String(micro % 1_000_000).count))\(micro % 1_000_000)s"
      }
      let rate = Int(perSecond.rounded(.down)) + 1
      var lines: [(Bool, String)] = [
        perSecond / Double(load.rate) <= 0.9
          ? (false, "Throughput too low: \(rate) writes/s") : (true, "Throughput is \(min(rate, load.rate)) writes/s"),
        slowest > 0.5 ? (false, "Slowest request took too long: \(text(slowest))") : (true, "Slowest request took \(text(slowest))"),
        deviation > 0.1 ? (false, "Stddev too high: \(text(deviation))") : (true, "Stddev is \(text(deviation))"),
      ]
      if failures > 0 { lines.append((false, "\(failures) writes failed, the first with: \(failure ?? "")")) }
      return lines
    }
  }

  public var load: Load
  public var prefix: String = "/etcdctl-check-perf/"
  /// etcd's minute.
  public var seconds: Int = 60
  /// Connections are the stores given to `run`; clients are spread over them.
  public init(_ load: Load) { self.load = load }

  private static let keyBytes: Int = 256
  private static let valueBytes: Int = 1024

  private final class Tally: Sendable {
    struct State {
      var result = Result()
      var sum: Double = 0
      var squares: Double = 0
      var issued: Int = 0
    }
    let state: Mutex<State> = Mutex(State())

    func succeeded(after took: Double) {
      state.withLock { state in
        state.result.writes += 1
        state.result.slowest = max(state.result.slowest, took)
        state.sum += took
        state.squares += took * took
      }
    }

    func failed(_ error: any Error) {
      state.withLock { state in
        state.result.failures += 1
        if state.result.failure == nil { state.result.failure = (error as? KeyspaceError)?.message ?? "\(error)" }
      }
    }

    /// The number of the next put.
    func next() -> Int {
      state.withLock { state in
        defer { state.issued += 1 }
        return state.issued
      }
    }

    var result: Result {
      state.withLock { state in
        let count = Double(max(1, state.result.writes))
        let mean: Double = state.sum / count
        state.result.deviation = max(0, state.squares / count - mean * mean).squareRoot()
        return state.result
      }
    }
  }

  /// Refuses to begin where keys lie under the prefix, and removes its own afterwards, in pieces.
  /// - Parameter progress: seconds that have passed, every half second or so.
  /// - Throws: the first store's `KeyspaceError`; failures of single writes are counted instead.
  public func run(_ stores: [any KeyValueStore], progress: @escaping @Sendable (Double) -> Void = { _ in }) async throws -> Result {
    let range = KeyRange.prefix(Bytes(prefix))
    let there: RangeResponse = try await stores[0].range(RangeRequest(range, countOnly: true))
    guard there.count == 0 else {
      throw KeyspaceError(.duplicateKey, "prefix \(prefix.debugDescription) has keys. Delete them first (etcdctl del --prefix \(prefix))")
    }
    let tally = Tally()
    let start: ContinuousClock.Instant = .now
    await withTaskGroup(of: Void.self) { group in
      for client in 0..<load.clients {
        let store: any KeyValueStore = stores[client % stores.count]
        group.addTask { await self.client(store, tally, start) }
      }
      group.addTask {
        for half in 1..<max(2, seconds * 2) where !Task.isCancelled {
          try? await Task.sleep(until: start + .milliseconds(half * 500))
          progress(Double(half) / 2)
        }
      }
    }
    var result: Result = tally.result
    result.seconds = Self.seconds(since: start)
    try await clean(stores[0], range)
    return result
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    Double((ContinuousClock.now - start).inNanoseconds) / 1e9
  }

  /// Puts at the moments that the rate gives, whoever is free taking the next one; behind time nobody waits.
  private func client(_ store: any KeyValueStore, _ tally: Tally, _ start: ContinuousClock.Instant) async {
    let value = Bytes(repeating: 0, count: Self.valueBytes)
    var random = SystemRandomNumberGenerator()
    while !Task.isCancelled, Self.seconds(since: start) < Double(seconds) {
      let number: Int = tally.next()
      guard number < load.rate * seconds else { return }
      try? await Task.sleep(until: start + .nanoseconds(Int64(number) * 1_000_000_000 / Int64(load.rate)))
      var key = Bytes(prefix)
      let name: UInt64 = random.next()
      withUnsafeBytes(of: name.bigEndian) { key += $0 }
      key += Bytes(repeating: 0, count: Self.keyBytes - 8)
      let began: ContinuousClock.Instant = .now
      do {
        _ = try await store.put(key, value)
        tally.succeeded(after: Self.seconds(since: began))
      } catch {
        tally.failed(error)
      }
    }
  }

  private func clean(_ store: any KeyValueStore, _ range: KeyRange) async throws {
    while true {
      let some: RangeResponse = try await store.range(RangeRequest(range, limit: 10_000, keysOnly: true))
      guard let first: Bytes = some.keyValues.first?.key, let last: Bytes = some.keyValues.last?.key else { return }
      _ = try await store.transact(
        TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: first, end: last + [0])))]))
    }
  }
}
