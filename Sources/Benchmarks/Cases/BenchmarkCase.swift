import NIOCore
import Primitives
import Synchronization

/// What is measured. The raw value is the name in tables and on the command line.
public enum BenchmarkCase: String, Sendable, CaseIterable {
  case put1 = "put-1"
  case put64 = "put-64"
  case put1000 = "put-1000"
  case get1 = "get-1"
  case get64 = "get-64"
  case get1000 = "get-1000"
  case serializableGet64 = "serializable-get-64"
  case range500 = "range-500"
  case compareAndPut64 = "txn-64"
  case watch1000 = "watch-1000"
  case keepAlive64 = "keepalive-64"
  case memory = "memory-1m"
  case memoryByPuts = "memory-1m-puts"
  case getOfMillion = "get-64-1m"

  public var summary: String {
    switch self {
    case .put1, .put64, .put1000: "puts of 256 B, \(clients) clients"
    case .get1, .get64, .get1000: "linearizable gets of 256 B, \(clients) clients"
    case .serializableGet64: "serializable gets of 256 B, 64 clients"
    case .range500: "linearizable ranges of 500 keys of 256 B, 16 clients"
    case .compareAndPut64: "transactions that compare and put 256 B, 64 clients"
    case .watch1000: "events to 1,000 watchers of one key"
    case .keepAlive64: "lease keep-alives on 64 streams"
    case .memory: "resident memory with 1,000,000 keys of 64 B and values of 1 KB, 50 puts to a transaction"
    case .memoryByPuts: "the same, loaded one put at a time by 1,000 clients"
    case .getOfMillion: "linearizable gets of 1 KB among 1,000,000 keys, 64 clients"
    }
  }

  var clients: Int {
    switch self {
    case .put1, .get1: 1
    case .put1000, .get1000, .memory, .memoryByPuts: 1000
    case .range500: 16
    default: 64
    }
  }

  /// Connections that the clients share.
  var connections: Int { min(clients, clients >= 1000 ? 16 : 8) }

  static let loadedKeys: Int = 10_000
  static let memoryKeys: Int = 1_000_000

  /// Nil for cases that are not a closed loop of one path.
  var plan: ClosedLoop.Plan? {
    let end = Bytes("bench/keys0")
    // Spread over the loaded keys without a random source: a prime step.
    @Sendable func spread(_ client: Int, _ number: Int) -> Bytes {
      Requests.key((client &* 7_919 &+ number &* 104_729) % Self.loadedKeys)
    }
    switch self {
    case .put1, .put64, .put1000:
      return .init(path: Requests.putPath, clients: clients, connections: connections) { client, number in
        Requests.put(spread(client, number), Requests.value(256, number))
      }
    case .get1, .get64, .get1000:
      return .init(path: Requests.rangePath, clients: clients, connections: connections) { client, number in
        Requests.get(spread(client, number), serializable: false)
      }
    case .serializableGet64:
      return .init(path: Requests.rangePath, clients: clients, connections: connections) { client, number in
        Requests.get(spread(client, number), serializable: true)
      }
    case .range500:
      return .init(path: Requests.rangePath, clients: clients, connections: connections) { client, number in
        Requests.range(Requests.key((client &* 613 &+ number &* 509) % (Self.loadedKeys - 500)), end: end, limit: 500)
      }
    case .compareAndPut64:
      return .init(path: Requests.txnPath, clients: clients, connections: connections) { client, number in
        Requests.compareAndPut(spread(client, number), Requests.value(256, number))
      }
    case .keepAlive64:
      return .init(path: Requests.leaseKeepAlivePath, clients: clients, connections: connections, streaming: true) { client, _ in
        Requests.leaseKeepAlive(id: Int64(client + 1))
      }
    case .getOfMillion:
      return .init(path: Requests.rangePath, clients: clients, connections: connections) { client, number in
        Requests.get(Requests.key((client &* 15_485_863 &+ number &* 32_452_843) % Self.memoryKeys, length: 64), serializable: false)
      }
    case .watch1000, .memory, .memoryByPuts: return nil
    }
  }

  func measure(_ store: RunningStore, seconds: Double, on loop: any EventLoop) async throws -> LoadResult {
    let warmUp: Double = min(1, seconds / 2)
    if self == .keepAlive64 {
      var grants = ClosedLoop.Plan(path: Requests.leaseGrantPath, clients: 1, connections: 1) { _, number in
        Requests.leaseGrant(id: Int64(number + 1), ttlSeconds: 600)
      }
      grants.total = clients
      _ = try await ClosedLoop.run(grants, against: store.target, seconds: 0, warmUp: 0, cpu: { 0 }, on: loop)
    }
    if self == .memoryByPuts { return try await Self.loadByPuts(store, on: loop) }
    if self == .memory { return try await Self.load(store, keys: Self.memoryKeys, keyBytes: 64, valueBytes: 1024, on: loop) }
    if let plan {
      return try await ClosedLoop.run(plan, against: store.target, seconds: seconds, warmUp: warmUp, cpu: store.cpuSeconds, on: loop)
    }
    return try await FanOut.run(
      watchers: 1000, against: store.target, seconds: seconds, warmUp: warmUp + 1, cpu: store.cpuSeconds, on: loop)
  }

  /// Puts `keys` keys, `keysPerTransaction` to a transaction, all counted, and reads the servers' memory at the end.
  static func load(
    _ store: RunningStore, keys: Int, keyBytes: Int, valueBytes: Int, on loop: any EventLoop
  ) async throws -> LoadResult {
    let (clients, each): (Int, Int) = (50, keysPerTransaction)
    let transactions: Int = keys / each
    let turns = Turns()
    var plan = ClosedLoop.Plan(path: Requests.txnPath, clients: clients, connections: 10) { _, _ in
      let first: Int = turns.next() % transactions * each
      return Requests.putAll(
        (first..<first + each).map { (Requests.key($0, length: keyBytes), Requests.value(valueBytes, $0)) })
    }
    plan.total = transactions
    var result: LoadResult = try await ClosedLoop.run(plan, against: store.target, seconds: 0, warmUp: 0, cpu: store.cpuSeconds, on: loop)
    result.residentMiB = try store.residentMiB()
    return result
  }

  /// The million keys of `memory`, each by a put of its own.
  private static func loadByPuts(_ store: RunningStore, on loop: any EventLoop) async throws -> LoadResult {
    let turns = Turns()
    var plan = ClosedLoop.Plan(path: Requests.putPath, clients: 1000, connections: 16) { _, _ in
      let key: Int = turns.next()
      return Requests.put(Requests.key(key, length: 64), Requests.value(1024, key))
    }
    plan.total = memoryKeys
    var result: LoadResult = try await ClosedLoop.run(plan, against: store.target, seconds: 0, warmUp: 0, cpu: store.cpuSeconds, on: loop)
    result.residentMiB = try store.residentMiB()
    return result
  }

  /// Those that need a server of their own, with a million keys: they would be in the way of all else.
  static let large: [BenchmarkCase] = [.memory, .memoryByPuts, .getOfMillion]

  /// etcd takes 128 operations by default.
  private static let keysPerTransaction: Int = 50
}

/// Numbers from 0 on, each once, whoever asks: clients are not equally fast.
private final class Turns: Sendable {
  private let value = Atomic<Int>(0)
  func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
}
