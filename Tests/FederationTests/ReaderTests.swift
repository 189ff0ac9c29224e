import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import NIOCore
import Primitives
import Synchronization
import Testing

@testable import Federation

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

@Suite struct ReadPacerTests {
  private static func pacer(limit: Int = 4) -> ReadPacer {
    var rhythm = ReadPacer.Rhythm(every: .milliseconds(100))
    rhythm.patience = .milliseconds(300)
    rhythm.limit = limit
    return ReadPacer(rhythm)
  }

  @Test func readsThatAnswerComeOneAfterTheOther() {
    var pacer: ReadPacer = Self.pacer()
    #expect(pacer.onTime(at(0)) == 1)
    pacer.onEnd(1)
    #expect(pacer.onTime(at(99)) == nil)
    #expect(pacer.wake(after: at(99)) == at(100))
    #expect(pacer.onTime(at(100)) == 2)
    // Not answered when the next is due: its patience counts.
    #expect(pacer.wake(after: at(200)) == at(400))
    #expect(pacer.onTime(at(399)) == nil)
    pacer.onEnd(2)
    #expect(pacer.onTime(at(399)) == 3)
  }

  @Test func readsThatHangArePassedByUpToALimit() {
    var pacer: ReadPacer = Self.pacer(limit: 3)
    #expect([0, 300, 600].map { pacer.onTime(at($0)) } == [1, 2, 3])
    #expect(pacer.onTime(at(900)) == nil)
    #expect(pacer.onTheWay.count == 3)
    pacer.onEnd(1)
    #expect(pacer.onTime(at(1_000)) == 4)
  }

  @Test func whoSeesAnotherCenterRenewReadsSeldomUntilItIsLate() {
    var pacer = ReadPacer(.init())
    #expect(pacer.onTime(at(0)) == 1)
    pacer.onEnd(1)
    #expect(pacer.wake(after: at(5)) == at(100))
    pacer.mood = .calm(lateFrom: at(750), overAt: at(2_150))
    #expect(pacer.onTime(at(200)) == nil)
    #expect(pacer.wake(after: at(400)) == at(750))
    // A renewal came by the watch.
    pacer.mood = .calm(lateFrom: at(1_600), overAt: at(3_030))
    #expect(pacer.onTime(at(750)) == nil)
    #expect(pacer.onTime(at(1_000)) == 2)
    pacer.onEnd(2)
    // None came.
    #expect(pacer.wake(after: at(1_300)) == at(1_600))
    #expect(pacer.onTime(at(1_600)) == 3)
    pacer.onEnd(3)
    #expect(pacer.onTime(at(1_699)) == nil)
    #expect(pacer.onTime(at(1_700)) == 4)
    pacer.onEnd(4)
    // The lease is over: the read that a takeover waits for does not wait for its turn, nor for one on its way.
    #expect(pacer.onTime(at(3_000)) == 5)
    #expect(pacer.wake(after: at(3_001)) == at(3_030))
    #expect(pacer.onTime(at(3_029)) == nil)
    #expect(pacer.onTime(at(3_030)) == 6)
    #expect(pacer.onTime(at(3_031)) == nil)
  }
}

@Suite struct ActivationReaderTests {
  /// Reads hang for ever until the store is healed; those that hang already never answer. Cancelled ones are noticed.
  final class HangingTransport: HTTPTransport {
    struct Counts {
      var healed: Bool = false
      var version: Int = 1
      var begun: Int = 0
      var onTheWay: Int = 0
      var most: Int = 0
      var cancelled: Int = 0
    }
    let counts: Mutex<Counts> = Mutex(Counts())

    func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
      // The watch is of no help here.
      if request.path?.contains("?") == true { throw HTTPError(.connectionLost, "only single objects are answered") }
      let version: Int? = counts.withLock { counts in
        counts.begun += 1
        if counts.healed {
          counts.version += 1
          return counts.version
        }
        counts.onTheWay += 1
        counts.most = max(counts.most, counts.onTheWay)
        return nil
      }
      guard let version else {
        do {
          try await Task.sleep(for: .seconds(3_600))
        } catch {
          counts.withLock { counts in
            counts.onTheWay -= 1
            counts.cancelled += 1
          }
          throw error
        }
        throw HTTPError(.connectionLost, "the test slept for an hour")
      }
      let record = ActivationRecord(cluster: "bank", center: "production", epoch: 1, lease: .seconds(3), resourceVersion: String(version))
      let object: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
      return ClientResponse(head: HTTPResponse(status: .ok), body: WholeBody(ByteBuffer(bytes: object.json.serialized())))
    }
  }

  @Test func readsThatHangAreCancelledAndDoNotHoldUpTheFirstThatAnswers() async throws {
    let transport = HangingTransport()
    let observer = ActivationObserver(
      client: KubeClient(transport: transport, fieldManager: "test"), cluster: "bank", margin: .milliseconds(500),
      readEvery: .milliseconds(20))
    let running: Task<Void, Never> = Task { await observer.run() }
    let views: AsyncStream<ActivationView> = observer.views()
    // Long enough for the first to have been cancelled by its own deadline.
    while transport.counts.withLock({ $0.cancelled }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
    let healed: MonotonicTime = transport.counts.withLock { counts in
      counts.healed = true
      return SystemClock().now()
    }
    var iterator: AsyncStream<ActivationView>.Iterator = views.makeAsyncIterator()
    let first: ActivationView? = await iterator.next()
    let waited: Duration = SystemClock().now() - healed
    #expect(first?.record?.center == "production")
    // The patience is 150 ms; a busy machine gets as much again and more, which is still less than a read's whole time.
    #expect(waited < .milliseconds(900), "\(waited)")
    // It was read after the store was healed: the deadline counts from then on at the earliest.
    #expect((first?.lastReadBegan ?? healed) >= healed)
    running.cancel()
    await running.value
    let counts: HangingTransport.Counts = transport.counts.withLock { $0 }
    #expect(counts.most <= FederationLimits.readsOnTheWay)
    #expect(counts.onTheWay == 0, "every read that hung was cancelled")
  }

  @Test func whoeverWaitsForAChangeIsToldAtOnceAndOnlyThen() async throws {
    let observer = ActivationObserver(
      client: KubeClient(transport: HangingTransport(), fieldManager: "test"), cluster: "bank", margin: .milliseconds(500),
      center: "local-dr")
    func record(_ version: String, epoch: Int64, center: CenterName) -> ActivationRecord {
      // On a busy machine a waiter may look late: what it waits for is still so then.
      ActivationRecord(cluster: "bank", center: center, epoch: epoch, lease: .seconds(3_600), resourceVersion: version)
    }
    let waiting = Task { try await observer.waitForChange(of: "local-dr", from: false, atMost: .seconds(3_600)) }
    observer.find(.read(record("1", epoch: 1, center: "production"), began: SystemClock().now(), finished: SystemClock().now()))
    observer.note(record("2", epoch: 1, center: "production"))
    #expect(!observer.isActive("local-dr"))
    observer.note(record("3", epoch: 2, center: "local-dr"))
    #expect(observer.isActive("local-dr"))
    try await waiting.value
    // Its end comes by itself, when nobody renews: at the deadline, which no event tells of.
    var short: ActivationRecord = record("4", epoch: 3, center: "local-dr")
    short.lease = .milliseconds(550)
    observer.find(.read(record("3", epoch: 2, center: "local-dr"), began: SystemClock().now(), finished: SystemClock().now()))
    observer.note(short)
    try await observer.waitForChange(of: "local-dr", from: true, atMost: .seconds(3_600))
    #expect(!observer.isActive("local-dr"))
    // A limit is kept, and cancelling ends it.
    try await observer.waitForChange(of: "local-dr", from: false, atMost: .milliseconds(5))
    let cancelled = Task { try await observer.waitForChange(of: "local-dr", from: false, atMost: .seconds(3_600)) }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
  }
}
