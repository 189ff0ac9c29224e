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
  @Test func readsThatAnswerComeOneAfterTheOther() {
    var pacer = ReadPacer(every: .milliseconds(100), patience: .milliseconds(300), limit: 4)
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
    var pacer = ReadPacer(every: .milliseconds(100), patience: .milliseconds(300), limit: 3)
    #expect([0, 300, 600].map { pacer.onTime(at($0)) } == [1, 2, 3])
    #expect(pacer.onTime(at(900)) == nil)
    #expect(pacer.onTheWay.count == 3)
    pacer.onEnd(1)
    #expect(pacer.onTime(at(1_000)) == 4)
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
    // The patience is 300 ms; a busy machine gets as much again and more, which is still less than a read's whole time.
    #expect(waited < .milliseconds(900), "\(waited)")
    // It was read after the store was healed: the deadline counts from then on at the earliest.
    #expect((first?.lastReadBegan ?? healed) >= healed)
    running.cancel()
    await running.value
    let counts: HangingTransport.Counts = transport.counts.withLock { $0 }
    #expect(counts.most <= FederationLimits.readsOnTheWay)
    #expect(counts.onTheWay == 0, "every read that hung was cancelled")
  }
}
