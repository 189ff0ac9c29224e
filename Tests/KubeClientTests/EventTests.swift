import KubeModel
import Primitives
import Testing

@testable import KubeClient

@Suite struct EventTests {
  func report(_ message: String, pod: String = "a") -> EventReport {
    EventReport(
      involvedKind: "Pod", involvedAPIVersion: "v1", namespace: "shop", name: pod, uid: "u", resourceVersion: "1", type: "Normal",
      reason: "Pulled", message: message)
  }
  let zero = MonotonicTime(nanoseconds: 0)

  @Test func `a repetition is counted, a flood is combined, then silenced`() {
    var aggregator = EventAggregator(remembered: 100, seed: 1)
    guard case .create(_, let name) = aggregator.onReport(report("one"), now: zero) else { return #expect(Bool(false)) }
    #expect(aggregator.onReport(report("one"), now: zero) == .count(report("one"), name: name, count: 2))
    var kinds: [String] = []
    for number in 0..<30 {
      switch aggregator.onReport(report("message \(number)"), now: zero) {
      case .create(let report, _): kinds.append(report.message.hasPrefix("(combined") ? "combined" : "created")
      case .count: kinds.append("counted")
      case .drop: kinds.append("dropped")
      }
    }
    #expect(Array(kinds.prefix(11)) == [String](repeating: "created", count: 9) + ["combined", "counted"])
    #expect(Array(kinds.suffix(5)) == ["dropped", "dropped", "dropped", "dropped", "dropped"])
    // Another object has an allowance of its own; the first gets one more every five minutes.
    if case .drop = aggregator.onReport(report("x", pod: "b"), now: zero) { #expect(Bool(false)) }
    if case .drop = aggregator.onReport(report("x"), now: zero + .seconds(301)) { #expect(Bool(false)) }
  }

  @Test func `an event is sent beside its object`() async throws {
    let transport = ScriptedTransport { _, _, body in .init(201, body) }
    let recorder = EventRecorder(client: KubeClient(transport: transport, fieldManager: "t"), component: "scheduler")
    recorder.event(pod("a", version: 4), .warning, reason: "FailedScheduling", message: "0/5 nodes are available")
    await recorder.flush()
    #expect(transport.requests == ["POST /api/v1/namespaces/shop/events?fieldManager=t"])
    let event: JSONValue = try JSONValue.parse(transport.bodies[0])
    #expect(event["involvedObject"]["uid"] == "ua")
    #expect(event["reason"] == "FailedScheduling")
    #expect(event["count"] == 1)
    #expect(recorder.dropped == 0)
  }
}
