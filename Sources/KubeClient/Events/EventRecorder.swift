import KubeModel
import Logging
import Metrics
import Primitives
import Synchronization

/// Tells people what happened to an object, as Events beside it (`kubectl describe`, `kubectl events`). Never waits and never
/// fails: what cannot be sent is dropped and counted. https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
public struct EventRecorder: Sendable {
  public enum Kind: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
  }
  private let outlet: EventOutlet

  /// `component` is the daemon that tells (`kubelet`), `host` the machine that it runs on; empty where that does not matter.
  public init(client: KubeClient, component: String, host: String = "", clock: any TimeSource = SystemClock()) {
    outlet = EventOutlet(client: client, component: component, host: host, clock: clock, seed: UInt64.random(in: 0 ... .max))
  }

  /// `reason`: one CamelCase word that machines match on. `message`: a sentence for a person, cut at 1,024 bytes.
  public func event(_ object: KubeObject, _ kind: Kind, reason: String, message: String) {
    var text: String = message
    while text.utf8.count > KubeClientLimits.eventMessageBytes { text.removeLast() }
    outlet.report(
      EventReport(
        involvedKind: object.kind, involvedAPIVersion: object.apiVersion, namespace: object.namespace, name: object.name, uid: object.uid,
        resourceVersion: object.resourceVersion, type: kind.rawValue, reason: reason, message: text))
  }

  /// Reports dropped so far: queue full, or the object's allowance used up.
  public var dropped: Int { outlet.dropped }
  /// Returns once everything reported so far was sent or dropped.
  public func flush() async { await outlet.flush() }
}

/// Queue and sender behind all copies of one recorder. The sender is a task that lives while something is queued.
final class EventOutlet: Sendable {
  private struct State {
    var queue: [EventReport] = []
    var sender: Task<Void, Never>?
    var dropped: Int = 0
    /// Used by the sender alone, kept here between its lives.
    var aggregator: EventAggregator
  }
  private let client: KubeClient
  private let component: String
  private let host: String
  private let clock: any TimeSource
  private let state: Mutex<State>
  private let drops: Counter
  private let logger = Logger(label: "kubeclient.events")

  init(client: KubeClient, component: String, host: String, clock: any TimeSource, seed: UInt64) {
    var client: KubeClient = client
    client.requestTimeout = .seconds(5)
    client.followsRetryAfter = false
    self.client = client
    self.component = component
    self.host = host
    self.clock = clock
    self.state = Mutex(State(aggregator: EventAggregator(remembered: KubeClientLimits.rememberedEvents, seed: seed)))
    self.drops = Counter(label: "events_dropped_total", dimensions: [("component", component)])
  }

  var dropped: Int { state.withLock { $0.dropped } }

  func report(_ report: EventReport) {
    let fits: Bool = state.withLock { state in
      guard state.queue.count < KubeClientLimits.queuedEvents else {
        state.dropped += 1
        return false
      }
      state.queue.append(report)
      if state.sender == nil { state.sender = Task { await self.send() } }
      return true
    }
    if !fits { drops.increment() }
  }

  func flush() async {
    while let sender: Task<Void, Never> = state.withLock({ $0.sender }) { await sender.value }
  }

  private func send() async {
    while true {
      let now: MonotonicTime = clock.now()
      let directive: EventAggregator.Directive? = state.withLock { state in
        guard !state.queue.isEmpty else {
          state.sender = nil
          return nil
        }
        let report: EventReport = state.queue.removeFirst()
        let directive: EventAggregator.Directive = state.aggregator.onReport(report, now: now)
        if directive == .drop { state.dropped += 1 }
        return directive
      }
      switch directive {
      case nil: return
      case .drop: drops.increment()
      case .create(let report, let name): await create(report, name: name, count: 1)
      case .count(let report, let name, let count): await patch(report, name: name, count: count)
      }
    }
  }

  private func create(_ report: EventReport, name: String, count: Int64) async {
    do {
      _ = try await client.create(.events, event(report, name: name, count: count))
    } catch {
      lost(error, name)
    }
  }

  private func patch(_ report: EventReport, name: String, count: Int64) async {
    let change: JSONValue = [
      "count": .int(count), "lastTimestamp": .string(clock.wall().rfc3339), "message": .string(report.message),
    ]
    do {
      _ = try await client.patch(.events, namespace: Self.namespace(report), name: name, type: .merge, change)
    } catch let error as KubeError where error.code == .notFound {
      await create(report, name: name, count: count)
    } catch {
      lost(error, name)
    }
  }

  private func lost(_ error: any Error, _ name: String) {
    drops.increment()
    state.withLock { state in
      state.dropped += 1
      state.aggregator.onGone(name: name)
    }
    logger.debug("an event was not sent: \(error)", metadata: ["event": "\(name)"])
  }

  /// Events of cluster-wide objects lie in `default`.
  private static func namespace(_ report: EventReport) -> String { report.namespace.isEmpty ? "default" : report.namespace }

  private func event(_ report: EventReport, name: String, count: Int64) -> KubeObject {
    let now: JSONValue = .string(clock.wall().rfc3339)
    var event = KubeObject([
      "apiVersion": "v1", "kind": "Event",
      "metadata": ["name": .string(name), "namespace": .string(Self.namespace(report))],
      "involvedObject": [
        "apiVersion": .string(report.involvedAPIVersion), "kind": .string(report.involvedKind), "name": .string(report.name),
        "uid": .string(report.uid), "resourceVersion": .string(report.resourceVersion),
      ],
      "type": .string(report.type), "reason": .string(report.reason), "message": .string(report.message), "count": .int(count),
      "firstTimestamp": now, "lastTimestamp": now, "source": ["component": .string(component)],
      "reportingComponent": .string(component), "reportingInstance": .string(host),
    ])
    if !report.namespace.isEmpty { event["involvedObject"]["namespace"] = .string(report.namespace) }
    if !host.isEmpty { event["source"]["host"] = .string(host) }
    return event
  }
}
