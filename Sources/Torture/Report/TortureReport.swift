import Glibc
import Histories
import Lab
import Primitives

/// What a run came to.
public struct TortureReport: Sendable {
  public var seed: UInt64
  public var seconds: Double
  public var ground: String
  /// What could not be done here, in sentences.
  public var missing: [String]
  let counts: Recorder.Counts
  let done: [FaultConductor.Done]
  /// From the last undoing until every member served.
  public var recovery: Duration
  /// Members that ended by themselves and were started again.
  public var restarts: Int
  /// Members that crashed, did not recover, are not equal.
  public var problems: [String]
  public var verdict: Judge.Verdict
  let history: History

  public var isClean: Bool { problems.isEmpty && verdict.isClean }
  /// How many of every kind were seen to happen, of how many that were begun. A kind that never happened was not shown.
  public var faults: [(kind: String, happened: Int, begun: Int)] {
    Injection.Kind.allCases.map { kind in
      let own: [FaultConductor.Done] = done.filter { $0.injection.kind == kind }
      return (kind.rawValue, own.count(where: \.happened), own.count)
    }
  }
  public var elections: Int { counts.elections.count }
  public var answered: Int { counts.answered }
  public var longestWriteGapMilliseconds: Int { Int(counts.longestWriteGap / 1_000_000) }

  static func minutes(_ moment: Moment) -> String {
    let seconds: Int64 = moment / 1_000_000_000
    return "\(seconds / 60):\(seconds % 60 < 10 ? "0" : "")\(seconds % 60)"
  }

  /// For people: what was done, what came of it, the timeline.
  public var text: String {
    var lines: [String] = ["", "seed \(seed), \(Self.minutes(Moment(seconds * 1e9))) minutes on \(ground)"]
    lines += missing.map { "  \($0)" }
    lines.append("")
    lines += Timeline(counts: counts, done: done, seconds: seconds).lines
    lines += [
      "", "faults seen to happen (of those begun): " + faults.map { "\($0.kind) \($0.happened) (\($0.begun))" }.joined(separator: ", "),
    ]
    let unseen: [String] = faults.filter { $0.happened == 0 }.map(\.kind)
    if !unseen.isEmpty { lines.append("not shown by this run, because it never happened: \(unseen.joined(separator: ", "))") }
    lines += [
      "calls: \(answered) answered, \(counts.unknown) of unknown outcome; \(verdict.changes) changes of \(verdict.keys) keys",
      "elections \(elections); longest time without an acknowledged write \(longestWriteGapMilliseconds) ms; all serving \(Int(recovery.inMilliseconds)) ms after the last fault; \(restarts) members ended by themselves",
      "",
    ]
    lines += problems.map { "PROBLEM  \($0)" }
    lines += verdict.violations.map { "VIOLATION  \($0)" }
    lines.append(
      isClean
        ? "clean: linearizable, no acknowledged write lost, watches whole, leases kept, all members equal"
        : "NOT clean: \(problems.count) problems, \(verdict.violations.count) violations")
    return lines.joined(separator: "\n")
  }

  /// The history and the report, so that they can be looked at and judged again.
  public func write(to path: String) throws {
    let file: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw TortureError(.ground, "\(path) cannot be written: \(String(cString: strerror(errno))).") }
    defer { close(file) }
    var held: Bytes = []
    func flush() {
      var written: Int = 0
      while written < held.count {
        let count: Int = held.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, held.count - written) }
        if count <= 0 { return }
        written += count
      }
      held.removeAll(keepingCapacity: true)
    }
    HistoryText.write(history) { line in
      held += Bytes(line)
      held.append(10)
      if held.count > 1 << 20 { flush() }
    }
    flush()
  }
}
