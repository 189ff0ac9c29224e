import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives
import Site
import Synchronization

/// How far the store's members are behind the leader, looked at again and again: before there is a copy, while there is one, after it.
final class LagWatch: Sendable {
  enum Phase: String, Sendable, CaseIterable {
    case before, during = "while", after
  }
  struct Sample: Sendable {
    var phase: Phase
    /// By member.
    var lags: [String: Lag]
  }
  struct Lag: Hashable, Sendable {
    var entries: Double
    var bytes: Double
    var seconds: Double
  }
  private struct State {
    var phase: Phase = .before
    var samples: [Sample] = []
    var reason: String = ""
  }
  /// So often that the median of half a minute stands within two percent or so of what it would be over hours.
  static let every: Duration = .milliseconds(50)

  private let context: DrillContext
  private let state: Mutex<State> = Mutex(State())
  private let task = ProbeTask()
  init(context: DrillContext) { self.context = context }

  func start() { task.start { await self.run() } }
  func stop() async { await task.stop() }
  func enter(_ phase: Phase) { state.withLock { $0.phase = phase } }
  var samples: [Sample] { state.withLock { $0.samples } }
  func count(_ phase: Phase) -> Int { state.withLock { state in state.samples.count { $0.phase == phase } } }
  var reason: String { state.withLock { $0.reason } }

  /// One connection to the leader for all looks: a handshake each time would be load of its own.
  private func run() async {
    var leader: (host: HostName, client: HTTPClient)?
    while !Task.isCancelled {
      do {
        if leader == nil { leader = try await findLeader() }
        guard let known = leader else { throw DrillError(.failed, "No member leads.") }
        let phase: Phase = state.withLock { $0.phase }
        let status: JSONValue = try await Self.status(known.client, known.host)
        guard status["raft"]["role"].string == "leader" else { throw DrillError(.failed, "\(known.host) leads no more.") }
        var lags: [String: Lag] = [:]
        for peer in status["peers"].array {
          guard let name: String = peer["name"].string else { continue }
          lags[name] = Lag(
            entries: Double(peer["lagEntries"].int ?? 0), bytes: Double(peer["lagBytes"].int ?? 0), seconds: peer["lagSeconds"].double ?? 0)
        }
        let sample = Sample(phase: phase, lags: lags)
        state.withLock { if $0.samples.count < DrillLimits.samples { $0.samples.append(sample) } }
      } catch {
        state.withLock { $0.reason = "\(error)" }
        leader?.client.close()
        leader = nil
      }
      try? await Task.sleep(for: Self.every)
    }
    leader?.client.close()
  }

  private func findLeader() async throws -> (host: HostName, client: HTTPClient)? {
    for host in context.site.hosts {
      guard let name: String = try? await context.hostStatus(host)["raft"]["leader"].string, let found = context.site.host(HostName(name))
      else {
        continue
      }
      var configuration = HTTPClientConfiguration(
        targets: [.host(found.address.description, port: context.site.ports.admin)], tls: context.clientTLS, group: context.group)
      configuration.connectTimeout = .milliseconds(800)
      configuration.responseTimeout = .milliseconds(800)
      return (found.name, HTTPClient(configuration))
    }
    return nil
  }

  private static func status(_ client: HTTPClient, _ host: HostName) async throws -> JSONValue {
    let request = HTTPRequest(method: .get, scheme: "https", authority: host.value, path: "/tricenter/status")
    let response: ClientResponse = try await client.execute(request, body: nil)
    let body: ByteBuffer = try await response.body.collect(upTo: 4 << 20)
    guard response.head.status == .ok else { throw DrillError(.failed, "\(host) answers \(response.head.status.code).") }
    return try JSONValue.parse(Bytes(body.readableBytesView))
  }
}

/// What lags come to, per phase. Pure.
struct LagComparison: Sendable {
  struct Figures: Hashable, Sendable {
    var samples: Int
    var mean: LagWatch.Lag
    var median: LagWatch.Lag
    var p99: LagWatch.Lag
    /// Median seconds of the looks at which entries were on their way; nil without any. Between writes nobody is behind, and how often that
    /// is seen says more of the writers than of the replication.
    var onTheWay: Double?
  }
  /// The member that was farthest behind before there was a copy.
  let member: String
  let figures: [LagWatch.Phase: Figures]

  /// Nil where a phase has no sample.
  init?(_ samples: [LagWatch.Sample]) {
    let before: [LagWatch.Sample] = samples.filter { $0.phase == .before }
    let names: Set<String> = Set(before.flatMap(\.lags.keys))
    func lags(_ name: String, _ phase: LagWatch.Phase) -> [LagWatch.Lag] {
      samples.filter { $0.phase == phase }.compactMap { $0.lags[name] }
    }
    let slowest: String? = names.sorted().max { one, other in
      Self.figures(lags(one, .before)).mean.seconds < Self.figures(lags(other, .before)).mean.seconds
    }
    guard let slowest else { return nil }
    var figures: [LagWatch.Phase: Figures] = [:]
    for phase in LagWatch.Phase.allCases {
      let found: [LagWatch.Lag] = lags(slowest, phase)
      guard !found.isEmpty else { return nil }
      figures[phase] = Self.figures(found)
    }
    (member, self.figures) = (slowest, figures)
  }

  private static func figures(_ lags: [LagWatch.Lag]) -> Figures {
    func each(_ take: ([Double]) -> Double) -> LagWatch.Lag {
      LagWatch.Lag(entries: take(lags.map(\.entries)), bytes: take(lags.map(\.bytes)), seconds: take(lags.map(\.seconds)))
    }
    func part(_ part: Double) -> LagWatch.Lag {
      each { values in
        let sorted: [Double] = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
      }
    }
    let moving: [Double] = lags.filter { $0.entries > 0 }.map(\.seconds).sorted()
    return Figures(
      samples: lags.count, mean: each { $0.isEmpty ? 0 : $0.reduce(0, +) / Double($0.count) }, median: part(0.5), p99: part(0.99),
      onTheWay: moving.isEmpty ? nil : moving[moving.count / 2])
  }

  /// In percent of what it was before; nil where it was nothing.
  func change(_ phase: LagWatch.Phase, _ value: (Figures) -> Double?) -> Double? {
    guard let before = figures[.before].flatMap(value), let then = figures[phase].flatMap(value) else { return nil }
    return before == 0 ? (then == 0 ? 0 : nil) : (then - before) / before * 100
  }

  var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .double(($0 * 100).rounded() / 100) } ?? .null }
    var document: JSONValue = ["member": .string(member)]
    for phase in LagWatch.Phase.allCases {
      guard let found: Figures = figures[phase] else { continue }
      document[phase.rawValue] = [
        "samples": .int(Int64(found.samples)), "entries_mean": number(found.mean.entries), "bytes_mean": number(found.mean.bytes),
        "ms_mean": number(found.mean.seconds * 1_000), "ms_median": number(found.median.seconds * 1_000),
        "ms_p99": number(found.p99.seconds * 1_000), "ms_median_on_the_way": number(found.onTheWay.map { $0 * 1_000 }),
        "change_of_ms_median_on_the_way_percent": number(change(phase) { $0.onTheWay }),
        "change_of_ms_mean_percent": number(change(phase) { $0.mean.seconds }),
        "change_of_entries_mean_percent": number(change(phase) { $0.mean.entries }),
      ]
    }
    return document
  }
}

enum LagActions {
  @Sendable static func watch(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try CopyActions.session(context)
    let watch = LagWatch(context: context)
    await session.stopMeasuring()
    session.lag = watch
    watch.start()
    return "every \(LagWatch.every.inMilliseconds) ms"
  }

  @Sendable static func hold(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let watch: LagWatch = try CopyActions.session(context).lag, let phase = LagWatch.Phase(rawValue: call["phase"]) else {
      throw DrillError(.notMet, "Nobody looks at the lag (lag.watch).")
    }
    let wanted: Int = call.number("samples") ?? 100
    return try await context.until(call.deadline) {
      let count: Int = watch.count(phase)
      guard count >= wanted else { throw DrillError(.notMet, "\(count) of \(wanted) looks. \(watch.reason)") }
      return "\(count) looks \(phase.rawValue) the copy"
    }
  }

  @Sendable static func compare(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let session: CopySession = try CopyActions.session(context)
    await session.stopMeasuring()
    guard let watch: LagWatch = session.lag, let found = LagComparison(watch.samples) else {
      throw DrillError(.notMet, "The lag was not seen before, while and after the copy: nothing can be compared.")
    }
    context.state.withLock { $0.facts["proof.lag"] = found.json }
    let limit = Double(call.number("percent") ?? 5)
    guard let change: Double = found.change(.during, { $0.onTheWay }) else {
      throw DrillError(.notMet, "\(found.member) was not behind at all before the copy: production wrote nothing, so nothing was shown.")
    }
    func text(_ phase: LagWatch.Phase) -> String {
      guard let figures = found.figures[phase] else { return "-" }
      let median: String = figures.onTheWay.map { "\(($0 * 1e5).rounded() / 100) ms" } ?? "nothing"
      return "\(median) (mean of all looks \((figures.mean.seconds * 1e5).rounded() / 100) ms)"
    }
    let told =
      "\(found.member) was \(text(.before)) behind before, \(text(.during)) while, \(text(.after)) after: "
      + "\((change * 100).rounded() / 100) %"
    guard change <= limit else { throw DrillError(.notMet, "\(told), more than \(limit) %.") }
    return told
  }
}
