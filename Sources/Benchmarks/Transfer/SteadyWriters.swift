import NIOCore
import Primitives

/// One client per member, each with a put after the other; one that is refused is begun again after a millisecond. Keeps, from `begin` on,
/// the longest time between two acknowledged puts of one client, and between two of anybody. Lives on one event loop.
final class SteadyWriters: LoadDelegate {
  struct Pause: Sendable {
    /// Milliseconds between two acknowledged puts of the client that waited longest.
    var client: Double = 0
    /// Milliseconds in which nobody was acknowledged.
    var everybody: Double = 0
    var refused: Int = 0
  }

  private let expected: Int
  private let clock = SystemClock()
  private var connections: [LoadConnection] = []
  private var last: [MonotonicTime]
  private var lastOfAnybody = MonotonicTime(nanoseconds: 0)
  private var longest: Duration = .zero
  private var longestOfAnybody: Duration = .zero
  private var refused: Int = 0
  private var number: Int = 0
  private var isOver: Bool = false
  private(set) var acknowledged: Int = 0
  private(set) var failure: BenchmarkError?
  private let allReady: EventLoopPromise<Void>

  private init(expected: Int, _ allReady: EventLoopPromise<Void>) {
    self.expected = expected
    self.allReady = allReady
    last = [MonotonicTime](repeating: MonotonicTime(nanoseconds: 0), count: expected)
  }

  /// Connects to every member and begins to write.
  static func start(_ target: LoadTarget, on loop: any EventLoop) async throws -> NIOLoopBound<SteadyWriters> {
    let allReady: EventLoopPromise<Void> = loop.makePromise()
    let bound: NIOLoopBound<SteadyWriters> = try await loop.submit {
      NIOLoopBound(SteadyWriters(expected: target.members.count, allReady), eventLoop: loop)
    }.get()
    do {
      for tag in target.members.indices {
        try await target.connect(tag: tag, path: Requests.putPath, delegate: bound, on: loop)
      }
    } catch { allReady.fail(error) }
    loop.scheduleTask(in: .seconds(10)) {
      guard bound.value.connections.count < bound.value.expected else { return }
      bound.value.lose(BenchmarkError(.connection, "Not every member took a connection within 10 s."))
    }
    try await allReady.futureResult.get()
    return bound
  }

  /// What was waited for before does not count, what is being waited for does.
  func begin() {
    (longest, longestOfAnybody, refused) = (.zero, .zero, 0)
  }

  /// The pauses since `begin`, those that have not ended among them.
  func end() -> Pause {
    let now: MonotonicTime = clock.now()
    for tag in last.indices { longest = max(longest, now - last[tag]) }
    longestOfAnybody = max(longestOfAnybody, now - lastOfAnybody)
    return Pause(client: longest.inMilliseconds, everybody: longestOfAnybody.inMilliseconds, refused: refused)
  }

  func stop() {
    isOver = true
    for connection in connections { connection.close() }
  }

  func ready(_ connection: LoadConnection) {
    connections.append(connection)
    guard connections.count == expected else { return }
    let now: MonotonicTime = clock.now()
    lastOfAnybody = now
    for connection in connections {
      last[connection.tag] = now
      write(connection)
    }
    allReady.succeed(())
  }

  private func write(_ connection: LoadConnection) {
    guard !isOver else { return }
    number += 1
    _ = connection.open(Requests.put(Bytes("bench/steady/\(connection.tag)"), Requests.value(256, number)), ends: true)
    connection.flush()
  }

  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer) {}

  func ended(_ connection: LoadConnection, stream: Int32, status: Int) {
    guard status == 0 else {
      refused += 1
      guard let loop: any EventLoop = connection.eventLoop else { return }
      let bound = NIOLoopBound((self, connection), eventLoop: loop)
      loop.scheduleTask(in: .milliseconds(1)) { bound.value.0.write(bound.value.1) }
      return
    }
    let now: MonotonicTime = clock.now()
    longest = max(longest, now - last[connection.tag])
    longestOfAnybody = max(longestOfAnybody, now - lastOfAnybody)
    last[connection.tag] = now
    lastOfAnybody = now
    acknowledged += 1
    write(connection)
  }

  func lost(_ connection: LoadConnection, _ error: BenchmarkError) { lose(error) }

  private func lose(_ error: BenchmarkError) {
    guard !isOver, failure == nil else { return }
    failure = error
    if connections.count < expected { allReady.fail(error) }
    stop()
  }
}
