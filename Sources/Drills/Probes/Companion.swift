import KubeModel
import Primitives

/// A client beside the first one, for another Service, with what it is to attain.
struct Companion: Sendable {
  struct Objective: Hashable, Sendable {
    /// Longest time after the fault in which nobody was served.
    var outage: Duration?
    var failed: Int?
  }
  var name: String
  var probe: RequestProbe
  var objective: Objective
}

/// What a companion saw.
public struct CompanionFinding: Sendable {
  public var name: String
  public var requests: Int
  public var failed: Int
  /// Milliseconds after the fault in which nobody was served, the longest of them. Nil: nobody was at all.
  public var outage: Double?
  var objective: Companion.Objective
  /// Another runner had begun it before.
  var isBegunAnew: Bool = false

  /// - Parameter fault: from when on gaps count; nil: from the first request.
  init(_ companion: Companion, fault: MonotonicTime?) {
    self.init(name: companion.name, samples: companion.probe.samples, objective: companion.objective, fault: fault)
  }

  init(name: String, samples: [RequestProbe.Sample], objective: Companion.Objective, fault: MonotonicTime?) {
    self.name = name
    self.objective = objective
    requests = samples.count
    failed = samples.count { $0.center == nil }
    let last: MonotonicTime? = samples.map(\.ended).max()
    let from: MonotonicTime = fault ?? samples.map(\.began).min() ?? MonotonicTime(nanoseconds: 0)
    let served: [MonotonicTime] = samples.filter { $0.center != nil && $0.ended > from }.map(\.ended).sorted()
    let moments: [MonotonicTime] = [from] + served + (last.map { [$0] } ?? [])
    outage = served.isEmpty ? nil : zip(moments, moments.dropFirst()).map { ($1 - $0).inMilliseconds }.max()
  }

  /// Sentences about what was not attained.
  var deviations: [String] {
    var found: [String] = []
    if requests == 0 { found.append("The client \(name) made no request: nothing was shown.") }
    if let limit: Duration = objective.outage {
      if let outage, outage > limit.inMilliseconds {
        found.append("Nobody was served by \(name) for \(Int(outage)) ms, more than its objective of \(Int(limit.inMilliseconds)) ms.")
      }
      if outage == nil, requests > 0 { found.append("Nobody was served by \(name) after the loss.") }
    }
    if let limit: Int = objective.failed, failed > limit {
      found.append("\(failed) requests of \(name) failed after retries, more than its objective of \(limit).")
    }
    return found
  }

  var json: JSONValue {
    [
      "name": .string(name), "requests": .int(Int64(requests)), "failed": .int(Int64(failed)), "outage_ms": DrillReport.number(outage),
      "objective": [
        "outage_ms": DrillReport.number(objective.outage?.inMilliseconds),
        "failed": objective.failed.map { .int(Int64($0)) } ?? .null,
      ],
    ]
  }
}
