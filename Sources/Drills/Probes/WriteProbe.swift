import KubeClient
import KubeModel
import Primitives
import Synchronization

/// Writers that create objects through the API, one after the other each, and note exactly those that were acknowledged.
final class WriteProbe: Sendable {
  struct Acknowledged: Sendable {
    var name: String
    var uid: String
    var data: [String: String]
    /// The store's revision at which it was written.
    var revision: Int64?
    var began: MonotonicTime
    var ended: MonotonicTime
  }
  /// What was not acknowledged is only counted: nothing is claimed of it.
  struct Failures: Sendable {
    var count: Int = 0
    var lastReason: String?
  }
  private struct State {
    var acknowledged: [Acknowledged] = []
    var failures = Failures()
    var written: WrittenRuns
    /// The longest time between two acknowledgements, and the last one's.
    var longestPause: Duration = .zero
    var lastEnded: MonotonicTime?
    var lastRevision: Int64?
    /// When the last one that was acknowledged began; nil after a failure.
    var acceptedAt: MonotonicTime?
    var isEnded: Bool = false

    init(written: WrittenRuns) { self.written = written }

    mutating func note(_ write: Acknowledged, writer: Int, number: Int) {
      acknowledged.append(write)
      written.note(writer: writer, number: number, uid: write.uid)
      if let lastEnded { longestPause = max(longestPause, write.ended - lastEnded) }
      lastEnded = write.ended
      lastRevision = max(lastRevision ?? 0, write.revision ?? 0)
      acceptedAt = write.began
    }
  }

  /// The objects of this run alone: an earlier drill's that failed are kept as its evidence.
  var selector: String { "drill.tricenter.io/run=\(run)" }
  var namePrefix: String { "drill-\(run)-\(life)-" }
  let namespace: String
  let run: String
  let began: MonotonicTime
  private let life: String
  private let clients: [KubeClient]
  private let clock: any TimeSource
  private let state: Mutex<State>
  private let task = ProbeTask()

  /// `run` labels this run's objects, `life` makes the names of one runner's unlike any other's.
  init(namespace: String, run: String, life: String, clients: [KubeClient], clock: any TimeSource) {
    self.namespace = namespace
    self.run = run
    self.life = life
    self.clients = clients.map { client in
      var client: KubeClient = client
      client.requestTimeout = DrillLimits.writeTimeout
      return client
    }
    self.clock = clock
    began = clock.now()
    state = Mutex(State(written: WrittenRuns(life: life, writers: clients.count)))
  }

  /// For the run's object, and what another runner goes on from.
  func part(_ now: MonotonicTime, _ wall: WallTime) -> MeasuredPart.Writes {
    func time(_ at: MonotonicTime) -> WallTime { wall.adding(at - now) }
    return state.withLock { state in
      MeasuredPart.Writes(
        began: time(began), until: wall, namespace: namespace, run: run, failed: state.failures.count,
        longestPause: state.longestPause.inMilliseconds, count: state.acknowledged.count, lastRevision: state.lastRevision,
        acceptedAt: state.acceptedAt.map(time), isEnded: state.isEnded, written: state.written)
    }
  }

  var acknowledged: [Acknowledged] { state.withLock { $0.acknowledged } }
  var failures: Failures { state.withLock { $0.failures } }
  /// It notes no more writes and makes none.
  var isFull: Bool { state.withLock { $0.acknowledged.count >= DrillLimits.acknowledgedWrites } }

  func start() {
    for (writer, client) in clients.enumerated() { task.start { await self.write(writer, client) } }
  }

  func stop() async {
    await task.stop()
    state.withLock { $0.isEnded = true }
  }

  private func write(_ writer: Int, _ client: KubeClient) async {
    var number: Int = 0
    var payloads: SeededRandom = WrittenObject.payloads(writer: writer)
    while !Task.isCancelled, !isFull {
      number += 1
      let name: String = WrittenObject.name(run: run, life: life, writer: writer, number: number)
      let data: [String: String] = WrittenObject.data(writer: writer, number: number, payload: payloads.next())
      let object = KubeObject([
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": [
          "name": .string(name), "namespace": .string(namespace),
          "labels": ["drill.tricenter.io/probe": "writes", "drill.tricenter.io/run": .string(run)],
        ],
        "data": JSONValue(data),
      ])
      let began: MonotonicTime = clock.now()
      do {
        let stored: KubeObject = try await client.create(.configMaps, object)
        let write = Acknowledged(
          name: name, uid: stored.uid, data: data, revision: Int64(stored.resourceVersion), began: began, ended: clock.now())
        state.withLock { $0.note(write, writer: writer, number: number) }
        try? await Task.sleep(for: .milliseconds(5))
      } catch {
        // Not acknowledged: it may or may not be there, and nothing is claimed of it. The name is not used again.
        guard !Task.isCancelled else { return }
        state.withLock { state in
          state.failures.count += 1
          state.acceptedAt = nil
          state.failures.lastReason = "\(error)"
        }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
