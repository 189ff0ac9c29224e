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
    var tasks: [Task<Void, Never>] = []
  }

  /// The objects of this run alone: an earlier drill's that failed are kept as its evidence.
  var selector: String { "drill.tricenter.io/run=\(run)" }
  let namespace: String
  private let run: String
  private let life: String
  private let clients: [KubeClient]
  private let clock: any TimeSource
  private let state: Mutex<State> = Mutex(State())

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
  }

  var acknowledged: [Acknowledged] { state.withLock { $0.acknowledged } }
  var failures: Failures { state.withLock { $0.failures } }
  /// It notes no more writes and makes none.
  var isFull: Bool { state.withLock { $0.acknowledged.count >= DrillLimits.acknowledgedWrites } }

  func start() {
    for (writer, client) in clients.enumerated() {
      let task = Task { await self.write(writer, client) }
      state.withLock { $0.tasks.append(task) }
    }
  }

  func stop() async {
    let tasks: [Task<Void, Never>] = state.withLock { state in
      defer { state.tasks = [] }
      return state.tasks
    }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }

  private func write(_ writer: Int, _ client: KubeClient) async {
    var number: Int = 0
    var random = SeededRandom(seed: UInt64(writer) &+ 1)
    while !Task.isCancelled, !isFull {
      number += 1
      let name = "drill-\(run)-\(life)-\(writer)-\(number)"
      let data: [String: String] = ["writer": String(writer), "number": String(number), "payload": String(random.next(), radix: 16)]
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
        state.withLock { $0.acknowledged.append(write) }
        try? await Task.sleep(for: .milliseconds(5))
      } catch {
        // Not acknowledged: it may or may not be there, and nothing is claimed of it. The name is not used again.
        guard !Task.isCancelled else { return }
        state.withLock { state in
          state.failures.count += 1
          state.failures.lastReason = "\(error)"
        }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
