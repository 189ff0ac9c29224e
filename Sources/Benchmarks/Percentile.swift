/// Of figures in any order.
public enum Percentile {
  /// `part`: 0 to 1. 0 without figures.
  public static func of(_ values: [Double], _ part: Double) -> Double {
    let sorted: [Double] = values.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
  }
}
