import NIOCore
import Primitives
import TLS

/// Runs programs that serve etcd v3 in turn, A B A B, on the same disk with the same data and the same TLS, and puts their figures side by
/// side.
public struct StoreComparison: Sendable {
  public var programs: [StoreProgram]
  public var cases: [BenchmarkCase]
  public var members: Int = 1
  /// Counted seconds of each case; a warm-up of up to a second comes on top.
  public var seconds: Double = 5
  public var rounds: Int = 2
  /// Of the clients' connections; members talk over mutual TLS in any case.
  public var useTLS: Bool = true
  /// An empty or missing folder on the disk that is to be measured; what is written below it is removed again.
  public var directory: String
  /// Told what is going on, a line at a time.
  public var progress: @Sendable (String) -> Void = { _ in }

  public init(programs: [StoreProgram], cases: [BenchmarkCase], directory: String) {
    self.programs = programs
    self.cases = cases
    self.directory = directory
  }

  public struct Row: Sendable {
    public var benchmarkCase: BenchmarkCase
    /// One per program, in their order.
    public var results: [LoadResult]

    public init(benchmarkCase: BenchmarkCase, results: [LoadResult]) {
      self.benchmarkCase = benchmarkCase
      self.results = results
    }
  }

  /// Throws `BenchmarkError`. Every server that it started has ended when it returns.
  public func run() async throws -> [Row] {
    try await ClientLoop.run(in: directory) { try await measure(on: $0) }
  }

  private func measure(on loop: any EventLoop) async throws -> [Row] {
    let (pki, client): (BenchmarkPKI, TLSContext) = try BenchmarkPKI.make(directory: "\(directory)/pki", members: members)
    var rounds: [BenchmarkCase: [[LoadResult]]] = [:]
    let quick: [BenchmarkCase] = cases.filter { !BenchmarkCase.large.contains($0) }
    for round in 1...max(1, self.rounds) {
      for (index, program) in programs.enumerated() {
        guard !quick.isEmpty else { break }
        try await with(program, round, pki, client, loop) { store in
          progress("round \(round): \(program.name), \(BenchmarkCase.loadedKeys) keys")
          _ = try await BenchmarkCase.load(store, keys: BenchmarkCase.loadedKeys, keyBytes: 32, valueBytes: 256, on: loop)
          for benchmarkCase in quick {
            let result: LoadResult = try await benchmarkCase.measure(store, seconds: seconds, on: loop)
            progress(
              "  \(benchmarkCase.rawValue): \(Int(result.perSecond))/s, p50 \(result.p50Milliseconds.rounded(2)) ms, \(result.failures) failed"
            )
            rounds[benchmarkCase, default: programs.map { _ in [] }][index].append(result)
          }
        }
      }
    }
    try await measureLarge(pki, client, loop, &rounds)
    return cases.compactMap { name in rounds[name].map { Row(benchmarkCase: name, results: $0.map(LoadResult.merged)) } }
  }

  /// Once each, on servers of their own. Gets are measured where the keys were loaded in transactions, after half a minute of rest: what a
  /// server does behind a load (flushing, compacting, collecting) is not what they are to show.
  private func measureLarge(
    _ pki: BenchmarkPKI, _ client: TLSContext, _ loop: any EventLoop, _ rounds: inout [BenchmarkCase: [[LoadResult]]]
  ) async throws {
    let loads: [BenchmarkCase] = [.memory, .memoryByPuts].filter { load in
      cases.contains(load) || (load == .memory && cases.contains(.getOfMillion))
    }
    for load in loads {
      for (index, program) in programs.enumerated() {
        try await with(program, 0, pki, client, loop) { store in
          progress("\(program.name): \(BenchmarkCase.memoryKeys) keys, \(load.rawValue)")
          let result: LoadResult = try await load.measure(store, seconds: seconds, on: loop)
          rounds[load, default: programs.map { _ in [] }][index].append(result)
          guard load == .memory, cases.contains(.getOfMillion) else { return }
          try await Task.sleep(for: .seconds(30))
          let gets: LoadResult = try await BenchmarkCase.getOfMillion.measure(store, seconds: seconds, on: loop)
          rounds[.getOfMillion, default: programs.map { _ in [] }][index].append(gets)
        }
      }
    }
  }

  private func with(
    _ program: StoreProgram, _ round: Int, _ pki: BenchmarkPKI, _ client: TLSContext, _ loop: any EventLoop,
    _ body: (RunningStore) async throws -> Void
  ) async throws {
    let folder = "\(directory)/\(program.name)-\(round)"
    try Folders.make(folder)
    let store: RunningStore = try await .start(
      program, places: try MemberPlace.loopback(members, pki), directory: folder, client: useTLS ? client : nil, on: loop)
    do {
      try await body(store)
      await store.end()
      Folders.remove(folder)
    } catch {
      await store.end()
      throw error
    }
  }
}

extension Double {
  func rounded(_ digits: Int) -> Double {
    var factor: Double = 1
    for _ in 0..<digits { factor *= 10 }
    return (self * factor).rounded() / factor
  }
}
