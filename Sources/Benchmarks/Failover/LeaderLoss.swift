import NIOCore
import Primitives
import TLS

/// Kills the leader's center again and again and measures the time to the first acknowledged write: five members on loopback in centers
/// of two, two and one, the programs one after the other.
public struct LeaderLoss: Sendable {
  public var programs: [StoreProgram]
  public var kills: Int = 50
  /// An empty or missing folder; what is written below it is removed again.
  public var directory: String
  public var progress: @Sendable (String) -> Void = { _ in }

  public init(programs: [StoreProgram], directory: String) {
    self.programs = programs
    self.directory = directory
  }

  public struct Outcome: Sendable {
    public var program: String
    /// From SIGKILL to the first acknowledged write, in the order of the kills.
    public var milliseconds: [Double] = []
    /// 0 to 1.
    public func percentile(_ part: Double) -> Double { Percentile.of(milliseconds, part) }
  }

  /// Which members make a center.
  static let centers: [[Int]] = [[0, 1], [2, 3], [4]]

  /// Throws `BenchmarkError`. Every server that it started has ended when it returns.
  public func run() async throws -> [Outcome] {
    try await ClientLoop.run(in: directory) { loop in
      let (pki, client): (BenchmarkPKI, TLSContext) = try BenchmarkPKI.make(directory: "\(directory)/pki", members: 5)
      var outcomes: [Outcome] = []
      for program in programs { outcomes.append(try await measure(program, pki, client, loop)) }
      return outcomes
    }
  }

  private func measure(_ program: StoreProgram, _ pki: BenchmarkPKI, _ client: TLSContext, _ loop: any EventLoop) async throws -> Outcome {
    let folder = "\(directory)/\(program.name)"
    try Folders.make(folder)
    defer { Folders.remove(folder) }
    var store: RunningStore = try await .start(
      program, places: try MemberPlace.loopback(5, pki), directory: folder, client: client, on: loop)
    var outcome = Outcome(program: program.name)
    do {
      for number in 1...kills {
        let leader: Int = try await store.steadyLeader(loop).member
        let victims: [Int] = Self.centers.first { $0.contains(leader) } ?? [leader]
        let survivors: [Int] = (0..<5).filter { !victims.contains($0) }
        let milliseconds: Double = try await FirstWrite.measure(
          killing: victims.map { store.processes[$0] }, survivors: survivors, of: store.target, on: loop)
        outcome.milliseconds.append(milliseconds)
        progress("\(program.name): kill \(number) of \(kills), member \(leader + 1) led, first write after \(Int(milliseconds)) ms")
        for victim in victims { try await store.restart(victim) }
      }
      await store.end()
      return outcome
    } catch {
      await store.end()
      throw error
    }
  }
}

extension LeaderLoss {
  /// For people: percentiles, and how often which time was seen.
  public static func text(_ outcomes: [Outcome]) -> String {
    var lines: [String] = []
    let step: Double = 100
    for outcome in outcomes {
      let figures: [String] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)].map { "\($0.0) \(Int(outcome.percentile($0.1))) ms" }
      lines.append("\(outcome.program): \(outcome.milliseconds.count) kills of the leader's center, " + figures.joined(separator: ", "))
      let last: Int = Int(outcome.percentile(1) / step)
      for bin in 0...last {
        let count: Int = outcome.milliseconds.filter { Int($0 / step) == bin }.count
        guard count > 0 else { continue }
        let label = "\(bin * Int(step))"
        lines.append(
          String(repeating: " ", count: max(0, 7 - label.count)) + label + " ms │" + String(repeating: "█", count: count) + " \(count)")
      }
    }
    if let first: Outcome = outcomes.first {
      for other in outcomes.dropFirst() where other.percentile(0.99) > 0 {
        lines.append(
          "p50 \((first.percentile(0.5) / other.percentile(0.5)).rounded(2))x, p99 "
            + "\((first.percentile(0.99) / other.percentile(0.99)).rounded(2))x of \(other.program)")
      }
    }
    return lines.joined(separator: "\n")
  }
}
