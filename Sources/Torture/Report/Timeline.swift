import Histories

/// Faults over calls per second, drawn in text: a column is a part of the run, a row per kind of fault.
struct Timeline {
  let counts: Recorder.Counts
  let done: [FaultConductor.Done]
  let seconds: Double
  static let columns: Int = 100

  private func column(_ moment: Moment) -> Int {
    min(Self.columns - 1, max(0, Int(Double(moment) / (seconds * 1e9) * Double(Self.columns))))
  }

  private static func row(_ name: String, _ cells: String) -> String {
    String(repeating: " ", count: max(0, 13 - name.count)) + name + " │" + cells + "│"
  }

  var lines: [String] {
    // Calls per second of each column: the mean of its seconds.
    var sums = [Double](repeating: 0, count: Self.columns)
    var weights = [Double](repeating: 0, count: Self.columns)
    for column in 0..<Self.columns {
      let first: Double = Double(column) / Double(Self.columns) * seconds
      let last: Double = Double(column + 1) / Double(Self.columns) * seconds
      for second in Int(first)...max(Int(first), Int(last.rounded(.up)) - 1) where second < counts.bySecond.count {
        let part: Double = min(last, Double(second + 1)) - max(first, Double(second))
        guard part > 0 else { continue }
        sums[column] += Double(counts.bySecond[second]) * part
        weights[column] += part
      }
    }
    let rates: [Double] = zip(sums, weights).map { $1 > 0 ? $0 / $1 : 0 }
    let most: Double = max(1, rates.max() ?? 1)
    let bars: [Character] = Array(" ▁▂▃▄▅▆▇█")
    var lines: [String] = []
    // Three rows of eight steps each.
    for level in (0..<3).reversed() {
      let cells: [Character] = rates.map { rate in bars[min(8, max(0, Int((rate / most * 24).rounded()) - level * 8))] }
      lines.append(Self.row(level == 2 ? "\(Int(most))/s" : level == 0 ? "calls" : "", String(cells)))
    }
    for kind in Injection.Kind.allCases {
      var cells = [Character](repeating: " ", count: Self.columns)
      let own: [FaultConductor.Done] = done.filter { $0.injection.kind == kind }
      guard !own.isEmpty else { continue }
      for fault in own {
        for place in column(fault.injection.at)...column(fault.injection.until) { cells[place] = Self.mark(fault) }
      }
      lines.append(Self.row(kind.rawValue, String(cells)))
    }
    var cells = [Character](repeating: " ", count: Self.columns)
    for election in counts.elections { cells[column(election)] = "*" }
    lines.append(Self.row("elections", String(cells)))
    let end: String = TortureReport.minutes(Moment(seconds * 1e9))
    lines.append(Self.row("", "0:00" + String(repeating: " ", count: Self.columns - 4 - end.count) + end))
    lines.append(
      "              P prod-1, p prod-2, L ldr-1, l ldr-2, R rdr-1, # several; lines: 1 production–local-dr, 2 production–remote-dr, 3 local-dr–remote-dr"
    )
    return lines
  }

  private static func mark(_ done: FaultConductor.Done) -> Character {
    if case .line(let from, let to) = done.injection.target { return Character("\(from + to)") }
    if done.members.count > 1 { return "#" }
    return done.members.first.map { Array("PpLlR")[$0] } ?? "#"
  }
}
