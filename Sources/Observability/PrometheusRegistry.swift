import CoreMetrics
import Primitives
import Synchronization

/// The swift-metrics backend that `/metrics` prints (Prometheus text format 0.0.4). One per process; `bootstrap()` once in `main`.
public final class PrometheusRegistry: MetricsFactory, Sendable {
  public static let shared = PrometheusRegistry()

  struct Key: Hashable {
    var name: String
    var labels: String
  }
  private let counters: Mutex<[Key: CounterCell]> = Mutex([:])
  private let gauges: Mutex<[Key: GaugeCell]> = Mutex([:])
  private let timers: Mutex<[Key: HistogramCell]> = Mutex([:])
  private let bounds: Mutex<[String: HistogramBounds]> = Mutex([:])

  public init() {}

  /// Call once, before the first metric is made.
  public func bootstrap() { MetricsSystem.bootstrap(self) }

  /// The buckets of a histogram that measures no time, said before it is made first.
  public func setBounds(of label: String, first: Double, count: Int) {
    bounds.withLock { $0[label] = HistogramBounds(first: first, count: count) }
  }

  private static func key(_ label: String, _ dimensions: [(String, String)]) -> Key {
    let name = String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
    let labels: String = dimensions.map { "\($0.0)=\"\(escape($0.1))\"" }.joined(separator: ",")
    return Key(name: name, labels: labels)
  }
  private static func escape(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    counters.withLock { cells in
      let key: Key = Self.key(label, dimensions)
      if let cell: CounterCell = cells[key] { return cell }
      let cell = CounterCell()
      cells[key] = cell
      return cell
    }
  }
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    if aggregate { return histogram(label, dimensions) }
    return gauges.withLock { cells in
      let key: Key = Self.key(label, dimensions)
      if let cell: GaugeCell = cells[key] { return cell }
      let cell = GaugeCell()
      cells[key] = cell
      return cell
    }
  }
  /// Recorded in nanoseconds, printed in seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { histogram(label, dimensions) }

  private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramCell {
    let bounds: HistogramBounds = bounds.withLock { $0[label] } ?? HistogramBounds()
    return timers.withLock { cells in
      let key: Key = Self.key(label, dimensions)
      if let cell: HistogramCell = cells[key] { return cell }
      let cell = HistogramCell(bounds)
      cells[key] = cell
      return cell
    }
  }

  // What is measured no more is told no more: members that left, watches that ended.
  public func destroyCounter(_ handler: any CounterHandler) {
    counters.withLock { cells in cells = cells.filter { $0.value !== handler as AnyObject } }
  }
  public func destroyRecorder(_ handler: any RecorderHandler) {
    gauges.withLock { cells in cells = cells.filter { $0.value !== handler as AnyObject } }
    timers.withLock { cells in cells = cells.filter { $0.value !== handler as AnyObject } }
  }
  public func destroyTimer(_ handler: any TimerHandler) {
    timers.withLock { cells in cells = cells.filter { $0.value !== handler as AnyObject } }
  }

  /// The whole exposition.
  public func text() -> String {
    var lines: String = ""
    func section(_ kind: String, _ rows: [(Key, (Key) -> String)]) {
      var last: String = ""
      for (key, row) in rows.sorted(by: { ($0.0.name, $0.0.labels) < ($1.0.name, $1.0.labels) }) {
        if key.name != last {
          lines += "# TYPE \(key.name) \(kind)\n"
          last = key.name
        }
        lines += row(key)
      }
    }
    func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }
    section("counter", counters.withLock { $0 }.map { key, cell in (key, { "\($0.name)\(braces($0.labels)) \(cell.value)\n" }) })
    section("gauge", gauges.withLock { $0 }.map { key, cell in (key, { "\($0.name)\(braces($0.labels)) \(cell.value)\n" }) })
    section("histogram", timers.withLock { $0 }.map { key, cell in (key, { cell.text(name: $0.name, labels: $0.labels) }) })
    return lines + ProcessMetrics.text()
  }
}
