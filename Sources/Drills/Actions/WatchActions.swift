import Primitives
import Site

/// What client and writers see while something is broken, over a time that is the measurement itself.
enum WatchActions {
  /// Looks on for `time`. No more requests than allowed may fail in it, nobody may be without an answer for longer than `longestGap`,
  /// and no fewer writes be acknowledged.
  @Sendable static func watch(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (requests, writes) = context.state.withLock { ($0.requests, $0.writes) }
    guard requests != nil || writes != nil else {
      throw DrillError(.notMet, "Neither a client nor writers run: there is nothing to watch.")
    }
    let began: MonotonicTime = context.clock.now()
    let end: MonotonicTime = began + (Duration(siteText: call["time"]) ?? .zero)
    guard end < call.deadline else { throw DrillError(.badRunbook, "The step's timeout is over before \(call["time"]) are.") }
    while context.clock.now() < end { try await Task.sleep(for: max(.milliseconds(1), end - context.clock.now())) }
    let asked: [RequestProbe.Sample] = (requests?.samples ?? []).filter { $0.began >= began }
    let failed: [RequestProbe.Sample] = asked.filter { $0.center == nil }
    let written: Int = (writes?.acknowledged ?? []).count { $0.began >= began }
    let gap: Duration = gap(asked, began, end)
    let said =
      "\(asked.count) requests, \(failed.count) of them failed, the longest time without an answer \(gap.runbookText); "
      + "\(written) writes acknowledged within \(call["time"])"
    if let allowed: Duration = Duration(siteText: call["longestGap"]), gap > allowed, requests != nil {
      throw DrillError(.notMet, "\(said): more than \(call["longestGap"]) without an answer. \(failed.last?.reason ?? "")")
    }
    if let allowed: Int = call.number("failedRequests"), failed.count > allowed {
      throw DrillError(.notMet, "\(said): more than \(allowed) failed. The last one: \(failed.last?.reason ?? "")")
    }
    if let wanted: Int = call.number("writes"), written < wanted {
      throw DrillError(.notMet, "\(said): fewer than \(wanted). \(writes?.failures.lastReason ?? "")")
    }
    return said
  }

  private static func gap(_ asked: [RequestProbe.Sample], _ began: MonotonicTime, _ end: MonotonicTime) -> Duration {
    let answers: [MonotonicTime] = asked.filter { $0.center != nil && $0.ended <= end }.map(\.ended).sorted()
    return zip([began] + answers, answers + [end]).map { $1 - $0 }.max() ?? .zero
  }

  /// Static stability: for `time` after the fault every request was still answered, by this center.
  @Sendable static func servedAtLeast(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let (probe, ended) = context.state.withLock { ($0.requests, $0.lastFault ?? $0.faultEnded) }
    guard let probe, let ended else { throw DrillError(.notMet, "No client ran, or no fault was injected.") }
    let time: Duration = Duration(siteText: call["time"]) ?? .zero
    return try await context.until(call.deadline) {
      // Until every request of that time has its outcome.
      guard context.clock.now() >= ended + time + DrillLimits.requestTimeout * 3 else { return nil }
      let asked: [RequestProbe.Sample] = probe.samples.filter { $0.began >= ended && $0.began < ended + time }.sorted {
        $0.began < $1.began
      }
      guard let first = asked.first(where: { $0.center != call["center"] }) else {
        guard !asked.isEmpty else { throw DrillError(.refused, "No request was made in the \(call["time"]) after the fault.") }
        return "\(asked.count) requests in the \(call["time"]) after the fault, all answered by \(call["center"])"
      }
      let after = Int((first.began - ended).inMilliseconds)
      throw DrillError(
        .refused, "\(after) ms after the fault a request was \(first.center.map { "answered by \($0)" } ?? "not answered: \(first.reason)")"
      )
    }
  }
}
