import HTTP
import HTTPTypes
import KubeModel
import Primitives
import Synchronization
import Testing

@testable import KubeClient

@Suite struct LeaderElectionTests {
  func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
  func lease(_ holder: String, epoch: Int64 = 0, version: Int = 1) -> LeaderLease {
    LeaderLease(
      KubeObject([
        "metadata": [
          "resourceVersion": .string(String(version)), "annotations": ["federation.tricenter.io/epoch": .string(String(epoch))],
        ],
        "spec": ["holderIdentity": .string(holder), "leaseDurationSeconds": 3],
      ]))
  }
  func instance(_ identity: String) -> LeaderElectionInstance {
    LeaderElectionInstance(identity: identity, leaseDuration: .seconds(3), renewDeadline: .seconds(2))
  }

  @Test func `a free lease is taken, a held one only after it did not change for its duration`() {
    var a: LeaderElectionInstance = instance("a")
    #expect(a.onRead(nil, epoch: 0, now: at(0)) == [.write(acquire: true)])
    #expect(a.onWritten(lease("a"), began: at(0), now: at(5)) == [.startLeading])
    var b: LeaderElectionInstance = instance("b")
    #expect(b.onRead(lease("a", version: 1), epoch: 0, now: at(100)) == [])
    #expect(b.onRead(lease("a", version: 2), epoch: 0, now: at(3000)) == [])
    #expect(b.onRead(lease("a", version: 2), epoch: 0, now: at(5999)) == [])
    #expect(b.onRead(lease("a", version: 2), epoch: 0, now: at(6000)) == [.write(acquire: true)])
    #expect(b.onRead(lease("", version: 3), epoch: 0, now: at(6001)) == [.write(acquire: true)])
  }

  @Test func `a leader's deadline counts from before its renewal was sent`() {
    var a: LeaderElectionInstance = instance("a")
    _ = a.onWritten(lease("a"), began: at(1000), now: at(1900))
    #expect(a.deadline == at(3000))
    #expect(a.onDeadlineCheck(at(2999)) == [])
    #expect(a.onDeadlineCheck(at(3000)) == [.stopLeading(reason: "no renewal succeeded within 2000.0 ms")])
    // An answer that took longer than the term does not start one.
    #expect(a.onWritten(lease("a"), began: at(4000), now: at(6000)) == [])
    #expect(!a.leads)
  }

  @Test func `an older epoch's lease is expired, a newer one's is never touched`() {
    var a: LeaderElectionInstance = instance("a")
    #expect(a.onRead(lease("b", epoch: 4), epoch: 5, now: at(0)) == [.write(acquire: true)])
    _ = a.onWritten(lease("a", epoch: 5), began: at(0), now: at(1))
    #expect(a.onRead(lease("c", epoch: 6), epoch: 5, now: at(2)) == [.stopLeading(reason: "a lease of epoch 6 exists, ours is 5")])
    #expect(a.onRead(lease("c", epoch: 6), epoch: 5, now: at(99_000)) == [])
    #expect(a.onRead(lease("", epoch: 6), epoch: 5, now: at(99_001)) == [])
  }

  /// Two candidates, one lease with optimistic writes, seeded delays, losses and pauses: never two leaders at a time.
  @Test(arguments: 0..<300) func `never two leaders`(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var stored: LeaderLease?
    var version: Int = 0
    var candidates: [LeaderElectionInstance] = [instance("a"), instance("b"), instance("c")]
    struct Write {
      var arrives: Int64, answers: Int64, began: Int64, who: Int, over: Int?
    }
    var writes: [Write] = []
    var answers: [(at: Int64, who: Int, began: Int64, lease: LeaderLease)] = []
    var next: [Int64] = [0, 3, 7]
    var leaders: Int = 0
    for now: Int64 in stride(from: 0, to: 30_000, by: 10) {
      for write in writes where write.arrives <= now {
        guard stored.map({ Int($0.resourceVersion) }) == write.over || (stored == nil && write.over == nil) else { continue }
        version += 1
        stored = lease(candidates[write.who].identity, version: version)
        if Int.random(in: 0..<10, using: &random) > 0 { answers.append((write.answers, write.who, write.began, stored!)) }
      }
      writes.removeAll { $0.arrives <= now }
      for answer in answers where answer.at <= now {
        _ = candidates[answer.who].onWritten(answer.lease, began: at(answer.began), now: at(now))
      }
      answers.removeAll { $0.at <= now }
      for who in candidates.indices {
        _ = candidates[who].onDeadlineCheck(at(now))
        guard next[who] <= now else { continue }
        next[who] = now + 500 + Int64.random(in: 0..<100, using: &random) + (Int.random(in: 0..<30, using: &random) == 0 ? 4000 : 0)
        for case .write in candidates[who].onRead(stored, epoch: 0, now: at(now)) {
          let arrives: Int64 = now + Int64.random(in: 0..<1500, using: &random)
          writes.append(
            Write(
              arrives: arrives, answers: arrives + Int64.random(in: 0..<1500, using: &random), began: now, who: who,
              over: stored.flatMap { Int($0.resourceVersion) }))
        }
      }
      let leading: Int = candidates.count { $0.leads }
      #expect(leading <= 1, "seed \(seed): \(leading) leaders at \(now) ms")
      leaders = max(leaders, leading)
    }
    #expect(leaders == 1, "seed \(seed): nobody ever led")
  }

  @Test func `the second takes over when the first gives the lease back`() async throws {
    let server = LeaseServer()
    let client = KubeClient(transport: ScriptedTransport { _, request, body in try server.answer(request, body) }, fieldManager: "t")
    let journal = Journal()
    func elector(_ name: String) -> LeaderElector {
      LeaderElector(
        client: client,
        configuration: LeaderElectionConfiguration(
          name: "scheduler", identity: name, leaseDuration: .milliseconds(900), renewDeadline: .milliseconds(600),
          retryPeriod: .milliseconds(20)))
    }
    let first: LeaderElector = elector("a")
    let one = Task {
      try await first.run {
        journal.note("a"); try await Task.sleep(for: .seconds(60))
      }
    }
    try await eventually("a leads") { first.isLeader && journal.all == ["a"] }
    let second: LeaderElector = elector("b")
    let two = Task { try await second.run { journal.note("b") } }
    one.cancel()
    await #expect(throws: CancellationError.self) { try await one.value }
    try await two.value
    #expect(journal.all == ["a", "b"])
    #expect(server.holder == "")
  }
}

/// One lease behind optimistic writes.
final class LeaseServer: Sendable {
  private let lease: Mutex<(object: KubeObject?, version: Int)> = Mutex((nil, 0))
  var holder: String? { lease.withLock { $0.object?.spec["holderIdentity"].string } }

  func answer(_ request: HTTPRequest, _ body: String) throws -> ScriptedTransport.Answer {
    let sent: KubeObject? = body.isEmpty ? nil : KubeObject(try JSONValue.parse(body))
    return lease.withLock { state in
      if var sent {
        let expected: String = state.object?.resourceVersion ?? ""
        guard sent.resourceVersion == expected else {
          return .init(409, #"{"kind":"Status","reason":"Conflict","message":"changed","code":409}"#)
        }
        state.version += 1
        sent.json["metadata"]["resourceVersion"] = .string(String(state.version))
        state.object = sent
        return .init(200, sent.json.serialized().text)
      }
      guard let object: KubeObject = state.object else {
        return .init(404, #"{"kind":"Status","reason":"NotFound","message":"none","code":404}"#)
      }
      return .init(200, object.json.serialized().text)
    }
  }
}

@Suite struct ActiveCenterLeaseTests {
  @Test func `a leader whose center is not active any more gives the lease back, and takes it again when it is`() async throws {
    let server = LeaseServer()
    let client = KubeClient(transport: ScriptedTransport { _, request, body in try server.answer(request, body) }, fieldManager: "t")
    let box = ActiveBox()
    let elector = LeaderElector(
      client: client,
      configuration: LeaderElectionConfiguration(
        name: "controllers", identity: "prod-1", epoch: { 7 }, mayLead: { box.isActive }))
    let journal = Journal()
    let running = Task {
      try await elector.run {
        journal.note("start")
        do { try await Task.sleep(for: .seconds(60)) } catch {
          journal.note("stop")
          throw error
        }
      }
    }
    try await Task.sleep(for: .milliseconds(60))
    #expect(server.holder == nil && !elector.isLeader)
    box.isActive = true
    try await eventually("it leads") { elector.isLeader && journal.all == ["start"] && server.holder == "prod-1" }
    box.isActive = false
    try await eventually("it gave the lease back") { !elector.isLeader && journal.all == ["start", "stop"] && server.holder == "" }
    box.isActive = true
    try await eventually("it leads again") { elector.isLeader && journal.all == ["start", "stop", "start"] }
    running.cancel()
    _ = try? await running.value
    #expect(server.holder == "")
  }
}

extension ActiveCenterLeaseTests {
  /// What the elector does when its center stops being active while a request of this method is under way.
  private func interrupted(by method: HTTPRequest.Method) async throws -> (requests: [String], led: Bool, holder: String?) {
    let server = LeaseServer()
    let box = ActiveBox()
    box.isActive = true
    let transport = ScriptedTransport { _, request, body in
      if request.method == method { box.isActive = false }
      return try server.answer(request, body)
    }
    let elector = LeaderElector(
      client: KubeClient(transport: transport, fieldManager: "t"),
      configuration: LeaderElectionConfiguration(name: "controllers", identity: "prod-1", epoch: { 7 }, mayLead: { box.isActive }))
    let journal = Journal()
    let running = Task { try await elector.run { journal.note("led") } }
    try await eventually("it has asked") { transport.requests.contains { $0.hasPrefix(method.rawValue) } && server.holder != "prod-1" }
    for _ in 0..<100 { await Task.yield() }
    running.cancel()
    _ = try? await running.value
    return (transport.requests.map { String($0.prefix { $0 != " " }) }, !journal.all.isEmpty, server.holder)
  }

  @Test func `a candidate whose center is not active any more after its read writes nothing`() async throws {
    let (requests, led, holder): ([String], Bool, String?) = try await interrupted(by: .get)
    #expect(requests == ["GET"] && !led && holder == nil)
  }

  @Test func `a candidate whose center is not active any more after its write gives the lease back and never leads`() async throws {
    let (requests, led, holder): ([String], Bool, String?) = try await interrupted(by: .post)
    #expect(requests == ["GET", "POST", "PUT"] && !led && holder == "")
  }
}

final class ActiveBox: Sendable {
  private let active: Mutex<Bool> = Mutex(false)
  var isActive: Bool {
    get { active.withLock { $0 } }
    set { active.withLock { $0 = newValue } }
  }
}
