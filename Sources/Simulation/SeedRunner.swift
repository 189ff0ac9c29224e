import Primitives
import Synchronization

/// Many seeds on all cores.
public struct SeedRunner: Sendable {
  public struct Totals: Sendable {
    public var seeds: Int = 0
    public var failures: [SimulationReport] = []
    public var events: Int = 0
    public var simulatedSeconds: Double = 0
    public var acknowledgedWrites: Int = 0
    public var servedReads: Int = 0
    public var unknownOutcomes: Int = 0
    public var elections: Int = 0
    public var crashes: Int = 0
    public var tornWrites: Int = 0
    public var snapshotsInstalled: Int = 0
    public var messages: Int = 0
    public var watchEvents: Int = 0
    public var changes: Int = 0
    public var damagesFound: Int = 0
    public var repairs: Int = 0
    public var fullDisks: Int = 0
    public var recoveries: Int = 0
    public var handedIn: Int = 0
    public var relayed: Int = 0
    public var stranded: Int = 0
    public var tailsLost: Int = 0
    public var stoppedByDisk: Int = 0
    public var undecidedKeys: Int = 0
    /// Milliseconds from the death of the leader's center to a new leader, of the histories where that is all that happens.
    public var failoverMilliseconds: [Double] = []

    mutating func add(_ report: SimulationReport) {
      seeds += 1
      if report.violation != nil { failures.append(report) }
      events += report.events
      simulatedSeconds += Double(report.simulatedMicroseconds) / 1e6
      acknowledgedWrites += report.acknowledgedWrites
      servedReads += report.servedReads
      unknownOutcomes += report.unknownOutcomes
      elections += report.elections
      crashes += report.crashes
      tornWrites += report.tornWrites
      snapshotsInstalled += report.snapshotsInstalled
      messages += report.messages
      watchEvents += report.watchEvents
      changes += report.changes
      damagesFound += report.damagesFound
      repairs += report.repairs
      fullDisks += report.fullDisks
      recoveries += report.recoveries
      handedIn += report.handedIn
      relayed += report.relayed
      stranded += report.stranded
      tailsLost += report.tailsLost
      stoppedByDisk += report.stoppedByDisk
      undecidedKeys += report.undecidedKeys
      if let time = report.failoverMicroseconds { failoverMilliseconds.append(Double(time) / 1000) }
    }
  }

  public var options: SimulationOptions
  public var workers: Int
  /// Stops handing out seeds after this many failures.
  public var maxFailures: Int

  public init(options: SimulationOptions = SimulationOptions(), workers: Int, maxFailures: Int = 10) {
    self.options = options
    self.workers = max(1, workers)
    self.maxFailures = max(1, maxFailures)
  }

  private struct State: Sendable {
    var next: UInt64 = 0
    var totals = Totals()
  }

  /// Where the workers take seeds from and write what came of them.
  private final class Board: Sendable {
    let state: Mutex<State> = Mutex(State())

    func take(_ count: UInt64, _ maxFailures: Int) -> UInt64? {
      state.withLock { state in
        guard state.next < count, state.totals.failures.count < maxFailures else { return nil }
        state.next += 1
        return state.next - 1
      }
    }

    func add(_ report: SimulationReport) -> Totals {
      state.withLock { state in
        state.totals.add(report)
        return state.totals
      }
    }
  }

  /// Runs the seeds; `onProgress` is called with the totals so far after each history, from any thread.
  public func run(_ seeds: [UInt64], onProgress: @escaping @Sendable (Totals) -> Void = { _ in }) async -> Totals {
    await run(UInt64(seeds.count), { seeds[Int($0)] }, onProgress)
  }

  /// `count` seeds from `first` on.
  public func run(
    from first: UInt64, count: UInt64, onProgress: @escaping @Sendable (Totals) -> Void = { _ in }
  ) async -> Totals {
    await run(count, { first + $0 }, onProgress)
  }

  private func run(
    _ count: UInt64, _ seed: @escaping @Sendable (UInt64) -> UInt64, _ onProgress: @escaping @Sendable (Totals) -> Void
  ) async -> Totals {
    let board = Board()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<workers {
        group.addTask {
          while let place = board.take(count, maxFailures) { onProgress(board.add(Simulation.run(seed(place), options))) }
        }
      }
    }
    return board.state.withLock { state in
      var totals: Totals = state.totals
      totals.failures.sort { $0.seed < $1.seed }
      totals.failoverMilliseconds.sort()
      return totals
    }
  }
}
