import HTTP
import KubeModel
import Primitives
import Synchronization
import Testing

@testable import KubeClient

final class Journal: Sendable {
  private let entries: Mutex<[String]> = Mutex([])
  func note(_ text: String) { entries.withLock { $0.append(text) } }
  var all: [String] { entries.withLock { $0 } }
  func handlers() -> InformerHandlers {
    InformerHandlers(
      onAdd: { self.note("+\($0.name)@\($0.resourceVersion)") },
      onUpdate: { self.note("\($0.name)@\($0.resourceVersion)>\($1.resourceVersion)") },
      onDelete: { self.note("-\($0.name)@\($0.resourceVersion)") })
  }
}

/// Waits for a condition that another task brings about. Gives up after 5 s.
func eventually(_ what: String, _ condition: @Sendable () -> Bool) async throws {
  for _ in 0..<5000 {
    if condition() { return }
    try await Task.sleep(for: .milliseconds(1))
  }
  Issue.record("never happened: \(what)")
}

@Suite struct InformerTests {
  @Test func `a list is compared with what is known`() {
    var store = InformerStore(indexes: [.label("app")])
    _ = store.replace(with: [pod("a", version: 1, labels: ["app": "web"]), pod("b", version: 2), pod("c", version: 3)])
    #expect(store.keys(index: "label:app", value: "shop/web") == ["shop/a"])
    let changes = store.replace(with: [pod("a", version: 1), pod("b", version: 5), pod("c", version: 6, uid: "new"), pod("d", version: 7)])
    let told: [String] = changes.map { change in
      switch change {
      case .added(let object): "+\(object.name)"
      case .updated(_, let object): "~\(object.name)"
      case .deleted(let object): "-\(object.name)"
      }
    }
    #expect(told == ["~b", "-c", "+c", "+d"])
    #expect(store.upsert(pod("a", version: 9, labels: ["app": "api"])).count == 1)
    #expect(store.keys(index: "label:app", value: "shop/web") == [])
    #expect(store.keys(index: "label:app", value: "shop/api") == ["shop/a"])
    #expect(store.keys(index: "namespace", value: "shop").count == 4)
  }

  @Test func `the flow watches on after passing trouble and lists after anything else`() {
    var flow = InformerFlow(seed: 1, first: .milliseconds(50), longest: .seconds(1))
    #expect(flow.next() == .list)
    flow.onListed(resourceVersion: "5")
    #expect(flow.next() == .watch(resourceVersion: "5"))
    flow.onEvent(resourceVersion: "8")
    flow.onFailed(KubeError(.connectionLost, "broke"))
    guard case .wait(let pause) = flow.next() else { return #expect(Bool(false)) }
    #expect((Duration.milliseconds(25)...Duration.milliseconds(50)).contains(pause))
    #expect(flow.next() == .watch(resourceVersion: "8"))
    flow.onFailed(KubeError(.gone, "compacted"))
    #expect(flow.next() == .list)
    flow.onListed(resourceVersion: "20")
    flow.onEnded(lived: .seconds(300))
    #expect(flow.next() == .watch(resourceVersion: "20"))
    for _ in 0..<20 {
      flow.onFailed(KubeError(.unavailable, "down"))
      if case .wait(let pause) = flow.next() { #expect(pause <= .seconds(1)) }
    }
  }

  @Test func `it lists, watches, resumes after a break and lists again when its place is gone`() async throws {
    let journal = Journal()
    let transport = ScriptedTransport { number, _, _ in
      switch number {
      case 0: .init(200, list([pod("a", version: 1)], version: 5))
      case 1: .init(200, line("ADDED", pod("b", version: 6)), failure: HTTPError(.connectionLost, "cut"))
      case 2:
        .init(
          200, line("MODIFIED", pod("a", version: 7)) + #"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"old"}}"# + "\n")
      case 3: .init(200, list([pod("b", version: 9)], version: 9))
      default: .init(200, hangs: true)
      }
    }
    let informer = Informer(client: KubeClient(transport: transport, fieldManager: "t"), resource: .pods, namespace: "shop")
    informer.addHandler(journal.handlers())
    let running = Task { await informer.run() }
    try await informer.waitUntilSynced()
    try await eventually("the second watch") { transport.requests.count == 5 }
    #expect(journal.all == ["+a@1", "+b@6", "a@1>7", "-a@7", "b@6>9"])
    #expect(transport.requests.map { $0.contains("watch=true") } == [false, true, true, false, true])
    #expect(transport.requests[2].contains("resourceVersion=6&"))
    #expect(informer.cache.keys == ["shop/b"])
    let late = Journal()
    informer.addHandler(late.handlers())
    #expect(late.all == ["+b@9"])
    running.cancel()
    await running.value
  }

  @Test func `a shared informer is one`() async throws {
    let transport = ScriptedTransport { _, request, _ in
      request.path?.contains("watch=true") == true ? .init(200, hangs: true) : .init(200, list([pod("a", version: 1)], version: 5))
    }
    let informers = SharedInformers(client: KubeClient(transport: transport, fieldManager: "t"))
    let first: Informer = informers.informer(.pods)
    let running = Task { await informers.run() }
    #expect(informers.informer(.pods, indexes: [.node]) === first)
    let late: Informer = informers.informer(.nodes)
    try await informers.waitUntilSynced()
    #expect(first.cache.indexed(.node, "").count == 1)
    #expect(late.hasSynced)
    running.cancel()
    await running.value
  }

  @Test func `waiting for an informer that never syncs can be cancelled`() async throws {
    let transport = ScriptedTransport { _, _, _ in .init(200, hangs: true) }
    let informer = Informer(client: KubeClient(transport: transport, fieldManager: "t"), resource: .pods)
    let waiting = Task { try await informer.waitUntilSynced() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }
}
