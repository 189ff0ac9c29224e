import CoreMetrics
import Synchronization

final class CounterCell: CounterHandler, Sendable {
  private let cell = Atomic<Int64>(0)
  var value: Int64 { cell.load(ordering: .relaxed) }
  func increment(by amount: Int64) { cell.wrappingAdd(amount, ordering: .relaxed) }
  func reset() { cell.store(0, ordering: .relaxed) }
}

final class GaugeCell: RecorderHandler, Sendable {
  private let bits = Atomic<UInt64>(0)
  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
}

/// Upper ends of buckets, each twice the one before. etcd's for durations: 0.1 ms to 52 s.
struct HistogramBounds: Sendable {
  var first: Double = 0.0001
  var count: Int = 20
}

/// Timers and distributions.
final class HistogramCell: TimerHandler, RecorderHandler, Sendable {
  private struct State {
    var buckets: [Int64]
    var count: Int64 = 0
    var sum: Double = 0
  }
  private let state: Mutex<State>
  private let first: Double

  init(_ bounds: HistogramBounds = HistogramBounds()) {
    first = bounds.first
    state = Mutex(State(buckets: [Int64](repeating: 0, count: bounds.count)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func record(_ value: Int64) { record(Double(value)) }
  func record(_ value: Double) {
    state.withLock { state in
      state.count += 1
      state.sum += value
      var bound: Double = first
      for index in state.buckets.indices {
        if value <= bound {
          state.buckets[index] += 1
          break
        }
        bound *= 2
      }
    }
  }

  func text(name: String, labels: String) -> String {
    let state: State = state.withLock { $0 }
    let prefix: String = labels.isEmpty ? "" : labels + ","
    let suffix: String = labels.isEmpty ? "" : "{\(labels)}"
    var text: String = ""
    var cumulative: Int64 = 0
    var bound: Double = first
    for bucket in state.buckets {
      cumulative += bucket
      text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(cumulative)\n"
      bound *= 2
    }
    text +=
      "\(name)_bucket{\(prefix)le=\"+Inf\"} \(state.count)\n\(name)_sum\(suffix) \(state.sum)\n\(name)_count\(suffix) \(state.count)\n"
    return text
  }
}
