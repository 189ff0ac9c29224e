import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import NIOCore
import Primitives
import Synchronization
import Testing

@testable import Federation

@Suite struct NodeAgentTests {
  /// Answers reads of the activation with one record, a newer version each time, and keeps what is written to the Node.
  final class ActivationTransport: HTTPTransport {
    struct State {
      var reads: Int = 0
      var written: [String] = []
    }
    let state: Mutex<State> = Mutex(State())
    private let record: ActivationRecord
    init(_ record: ActivationRecord) { self.record = record }

    func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
      guard request.method == .patch else {
        var record: ActivationRecord = record
        record.resourceVersion = state.withLock { state in
          state.reads += 1
          return String(state.reads)
        }
        return Self.answer(record.object(now: WallTime(secondsSince1970: 0)).json)
      }
      state.withLock { $0.written.append(body.map { String(buffer: $0) } ?? "") }
      return Self.answer(["apiVersion": "v1", "kind": "Node", "metadata": ["name": "prod-1"]])
    }
    private static func answer(_ json: JSONValue) -> ClientResponse {
      ClientResponse(head: HTTPResponse(status: .ok), body: WholeBody(ByteBuffer(bytes: json.serialized())))
    }
    func wait(_ condition: (State) -> Bool) async throws -> Bool {
      for _ in 0..<2_000 {
        if state.withLock({ condition($0) }) { return true }
        try await Task.sleep(for: .milliseconds(5))
      }
      return false
    }
  }

  final class Host: Sendable {
    let running: Mutex<Int?> = Mutex(nil)
    let asked: Atomic<Int> = Atomic(0)
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      (
        ActivationRecord(cluster: "bank", center: "production", epoch: 7, lease: .seconds(3), handover: .init(to: "local-dr")),
        FederationNames.yieldedEpochAnnotation
      ),
      (ActivationRecord(cluster: "bank", center: "local-dr", epoch: 7, lease: .seconds(3)), FederationNames.observedEpochAnnotation),
    ])
  func aHostThatDoesNotKnowWhatItRunsReportsNothing(record: ActivationRecord, annotation: String) async throws {
    let transport = ActivationTransport(record)
    let client = KubeClient(transport: transport, fieldManager: "test")
    let observer = ActivationObserver(client: client, cluster: "bank", margin: .milliseconds(500), readEvery: .milliseconds(10))
    let host = Host()
    let agent = NodeAgent(
      client: client, observer: observer, center: "production", node: "prod-1",
      exclusivePods: { _ in
        host.asked.add(1, ordering: .relaxed)
        return host.running.withLock { $0 }
      }, stopExclusivePods: { _, _, _ in })
    let tasks = Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await agent.run() }
        group.addTask { await observer.run() }
      }
    }
    func reported(_ state: ActivationTransport.State) -> Bool { state.written.contains { $0.contains(annotation) } }
    // Nil: unknown. 2: known, and not yet ended.
    for count in [nil, 2] as [Int?] {
      host.running.withLock { $0 = count }
      let (before, reads): (Int, Int) = (host.asked.load(ordering: .relaxed), transport.state.withLock { $0.reads })
      let asked: Bool = try await transport.wait { $0.reads > reads + 3 && host.asked.load(ordering: .relaxed) > before + 3 }
      let early: Bool = transport.state.withLock { reported($0) }
      #expect(asked && !early)
    }
    host.running.withLock { $0 = 0 }
    let late: Bool = try await transport.wait(reported)
    #expect(late)
    tasks.cancel()
    await tasks.value
  }
}
