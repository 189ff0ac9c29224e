import HTTP
import HTTPTypes
import KubeModel
import NIOCore
import Primitives
import Synchronization

/// A client that asks for a page by its global name at a fixed pace, on a new connection each time, and notes every outcome. With
/// `retryFor` it tries a request again that failed, by another name server's word, and only what was not served in that time has failed.
final class RequestProbe: Sendable {
  struct Sample: Sendable {
    var began: MonotonicTime
    var ended: MonotonicTime
    /// Who answered; nil for a failure.
    var center: String?
    var reason: String = ""
    var tries: Int = 1
  }
  private struct State {
    var samples: [Sample] = []
    var outstanding: Int = 0
    var cached: (addresses: [String], until: MonotonicTime)?
    var server: Int = 0
    var turn: Int = 0
    var isEnded: Bool = false
  }

  let name: String
  let began: MonotonicTime
  private let resolver: GlobalResolver
  private let port: Int
  private let every: Duration
  private let retryFor: Duration?
  private let limit: Int
  private let group: any EventLoopGroup
  private let clock: any TimeSource
  /// Asked instead of whatever the name leads to; empty: the name is looked up.
  private let addresses: [String]
  private let state: Mutex<State> = Mutex(State())
  private let task = ProbeTask()

  init(
    name: String, resolver: GlobalResolver, port: Int, every: Duration, group: any EventLoopGroup, clock: any TimeSource,
    retryFor: Duration? = nil, addresses: [String] = [], limit: Int = DrillLimits.samples
  ) {
    self.name = name
    self.resolver = resolver
    self.port = port
    self.every = every
    self.retryFor = retryFor
    self.limit = limit
    self.addresses = addresses
    self.group = group
    self.clock = clock
    began = clock.now()
  }

  /// For the run's object, and what another runner goes on from.
  func part(_ now: MonotonicTime, _ wall: WallTime) -> MeasuredPart.Requests {
    let (samples, isEnded): ([Sample], Bool) = state.withLock { ($0.samples, $0.isEnded) }
    func time(_ at: MonotonicTime) -> WallTime { wall.adding(at - now) }
    var part = MeasuredPart.Requests(began: time(began), until: wall, count: samples.count, isEnded: isEnded)
    part.failed = samples.count { $0.center == nil }
    part.longestGap = DrillReport.longestGap(samples.filter { $0.center != nil }.map(\.ended))
    // Those under way count for nothing; the last one that came back does.
    if let last: Sample = samples.max(by: { $0.began < $1.began }), last.center != nil { part.servingAt = time(last.began) }
    return part
  }

  var samples: [Sample] { state.withLock { $0.samples } }
  /// It notes no more requests and makes none.
  var isFull: Bool { state.withLock { $0.samples.count >= limit } }

  func start() { task.start { await self.run() } }

  func stop() async {
    await task.stop()
    state.withLock { $0.isEnded = true }
  }

  private func run() async {
    var due: MonotonicTime = clock.now()
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled, !isFull {
        let began: MonotonicTime = clock.now()
        let busy: Bool = state.withLock { state in
          state.outstanding += 1
          return state.outstanding > DrillLimits.outstandingRequests
        }
        if busy {
          record(Sample(began: began, ended: began, center: nil, reason: "too many requests under way"))
        } else {
          group.addTask { await self.ask(began) }
        }
        due = max(due + every, clock.now() - .seconds(1))
        try? await Task.sleep(for: max(.zero, due - clock.now()))
      }
    }
  }

  private func record(_ sample: Sample) {
    state.withLock { state in
      state.outstanding -= 1
      if state.samples.count < limit { state.samples.append(sample) }
    }
  }

  private func ask(_ began: MonotonicTime) async {
    var tries: Int = 0
    while true {
      tries += 1
      do {
        let address: String = try await address(clock.now())
        let center: String = try await get(address)
        return record(Sample(began: began, ended: clock.now(), center: center, tries: tries))
      } catch {
        // A client that fails looks the name up again.
        state.withLock { $0.cached = nil }
        // Requests that the end of the probe interrupts did not fail.
        if Task.isCancelled { return state.withLock { $0.outstanding -= 1 } }
        guard let retryFor, clock.now() < began + retryFor else {
          return record(Sample(began: began, ended: clock.now(), center: nil, reason: "\(error)", tries: tries))
        }
        state.withLock { $0.server = ($0.server + 1) % max(1, resolver.servers.count) }
        try? await Task.sleep(for: DrillLimits.retryPause)
      }
    }
  }

  /// Of one attempt.
  private var timeout: Duration { retryFor.map { min($0 / 4, DrillLimits.requestTimeout) } ?? DrillLimits.requestTimeout }

  private func address(_ now: MonotonicTime) async throws -> String {
    func pick(_ state: inout State, _ addresses: [String]) -> String {
      state.turn += 1
      return addresses[state.turn % addresses.count]
    }
    let (known, server) = state.withLock { state -> (String?, Int) in
      guard let cached = state.cached, now < cached.until else { return (nil, state.server) }
      return (pick(&state, cached.addresses), state.server)
    }
    if let known { return known }
    guard addresses.isEmpty else {
      return state.withLock { state in
        state.cached = (addresses, now + .seconds(3_600))
        return pick(&state, addresses)
      }
    }
    let (answer, used) = try await resolver.resolve(name, first: server)
    return state.withLock { state in
      state.server = used
      state.cached = (answer.addresses, clock.now() + .seconds(answer.ttlSeconds))
      return pick(&state, answer.addresses)
    }
  }

  /// The center that the page names.
  private func get(_ address: String) async throws -> String {
    var configuration = HTTPClientConfiguration(targets: [.host(address, port: port)], tls: nil, group: group)
    configuration.version = .http1
    configuration.connectTimeout = timeout
    configuration.responseTimeout = timeout
    let client = HTTPClient(configuration)
    defer { client.close() }
    let request = HTTPRequest(method: .get, scheme: "http", authority: name, path: "/", headerFields: [.connection: "close"])
    let response: ClientResponse = try await client.execute(request, body: nil)
    let body: ByteBuffer = try await response.body.collect(upTo: 65_536)
    guard response.head.status == .ok else { throw DrillError(.failed, "\(address) answered \(response.head.status.code).") }
    return try JSONValue.parse(Bytes(body.readableBytesView))["center"].string ?? "unknown"
  }
}
