extension StoreComparison {
  /// A table for people: the first program against each other one. Ratios over 1 are in the first program's favour for rates and for work
  /// per CPU-second, ratios under 1 for latency and memory.
  public static func text(_ rows: [Row], programs: [StoreProgram]) -> String {
    var lines: [[String]] = [["case", "server", "per second", "p50 ms", "p99 ms", "CPU s per 1000", "MiB", "failed"]]
    for row in rows {
      for (index, result) in row.results.enumerated() {
        lines.append([
          index == 0 ? row.benchmarkCase.rawValue : "", programs[index].name, "\(Int(result.perSecond))",
          "\(result.p50Milliseconds.rounded(2))", "\(result.p99Milliseconds.rounded(2))",
          result.cpuSecondsPer1000.map { "\($0.rounded(4))" } ?? "", result.residentMiB.map { "\(Int($0))" } ?? "", "\(result.failures)",
        ])
      }
      for index in row.results.indices.dropFirst() {
        let ratio = Ratio(row.results[0], row.results[index])
        lines.append([
          "", "  / \(programs[index].name)", Self.times(ratio.rate), Self.times(ratio.p50), Self.times(ratio.p99),
          Self.times(ratio.workPerCPU),
          Self.times(ratio.memory), "",
        ])
      }
    }
    let widths: [Int] = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      line.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column < 2 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func times(_ value: Double?) -> String { value.map { "\($0.rounded(2))x" } ?? "" }

  /// The first server against another.
  public struct Ratio: Sendable {
    /// Operations per second: higher is better for the first.
    public let rate: Double?
    public let p50: Double?
    public let p99: Double?
    /// Operations per CPU-second of the server: higher is better for the first.
    public let workPerCPU: Double?
    public let memory: Double?

    public init(_ first: LoadResult, _ other: LoadResult) {
      func divide(_ above: Double?, _ below: Double?) -> Double? {
        guard let above, let below, below > 0 else { return nil }
        return above / below
      }
      rate = divide(first.perSecond, other.perSecond)
      p50 = divide(first.p50Milliseconds, other.p50Milliseconds)
      p99 = divide(first.p99Milliseconds, other.p99Milliseconds)
      workPerCPU = divide(other.cpuSecondsPer1000, first.cpuSecondsPer1000)
      memory = divide(first.residentMiB, other.residentMiB)
    }
  }
}
