import Glibc
import NIOCore
import Primitives

/// Writers on every member that is to survive: each begins another put every 10 ms, whatever became of those before, until one is
/// acknowledged. So the time to the first acknowledged write does not depend on how long a server keeps a put that it cannot do. Lives
/// on one event loop.
final class FirstWrite: LoadDelegate {
  static let interval: TimeAmount = .milliseconds(10)
  static let patience: TimeAmount = .seconds(30)

  private let expected: Int
  private let clock = SystemClock()
  private var connections: [LoadConnection] = []
  private var origin: MonotonicTime?
  private var writing: RepeatedTask?
  private var number: Int = 0
  private let allReady: EventLoopPromise<Void>
  private let acknowledged: EventLoopPromise<Double>
  private var isDone: Bool = false

  private init(expected: Int, _ allReady: EventLoopPromise<Void>, _ acknowledged: EventLoopPromise<Double>) {
    self.expected = expected
    self.allReady = allReady
    self.acknowledged = acknowledged
  }

  /// Kills `victims` with SIGKILL, all at once, and returns the milliseconds until a put that was sent afterwards to one of `survivors`
  /// is acknowledged.
  static func measure(
    killing victims: [ServerProcess], survivors: [Int], of target: LoadTarget, on loop: any EventLoop
  ) async throws -> Double {
    let (allReady, acknowledged): (EventLoopPromise<Void>, EventLoopPromise<Double>) = (loop.makePromise(), loop.makePromise())
    let bound: NIOLoopBound<FirstWrite> = try await loop.submit {
      NIOLoopBound(FirstWrite(expected: survivors.count, allReady, acknowledged), eventLoop: loop)
    }.get()
    do {
      for member in survivors {
        try await target.only(member).connect(tag: 0, path: Requests.putPath, delegate: bound, on: loop)
      }
      loop.scheduleTask(in: .seconds(10)) {
        bound.value.fail(BenchmarkError(.connection, "The surviving members took no connection within 10 s."), unlessBegun: true)
      }
      try await allReady.futureResult.get()
    } catch {
      loop.execute { bound.value.fail(BenchmarkError(.connection, "The surviving members cannot be reached.", cause: error)) }
      return try await acknowledged.futureResult.get()
    }
    let pids: [pid_t] = victims.map(\.pid)
    loop.execute {
      for pid in pids { kill(pid, SIGKILL) }
      bound.value.begin()
    }
    return try await acknowledged.futureResult.get()
  }

  private func begin() {
    guard let loop: any EventLoop = connections.first?.eventLoop else {
      return fail(BenchmarkError(.connection, "No surviving member is connected."))
    }
    origin = clock.now()
    let bound = NIOLoopBound(self, eventLoop: loop)
    writing = loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.interval) { _ in bound.value.write() }
    loop.scheduleTask(in: Self.patience) {
      bound.value.fail(BenchmarkError(.refused, "No put was acknowledged within 30 s after the kill."))
    }
  }

  private func write() {
    for connection in connections {
      number += 1
      _ = connection.open(Requests.put(Bytes("bench/after-kill"), Requests.value(256, number)), ends: true)
      connection.flush()
    }
  }

  func ready(_ connection: LoadConnection) {
    connections.append(connection)
    if connections.count == expected { allReady.succeed(()) }
  }

  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer) {}

  func ended(_ connection: LoadConnection, stream: Int32, status: Int) {
    guard status == 0, !isDone, let origin else { return }
    isDone = true
    stop()
    acknowledged.succeed((clock.now() - origin).inMilliseconds)
  }

  func lost(_ connection: LoadConnection, _ error: BenchmarkError) { fail(error) }

  private func fail(_ error: BenchmarkError, unlessBegun: Bool = false) {
    guard !isDone, !unlessBegun || origin == nil else { return }
    isDone = true
    stop()
    if connections.count < expected { allReady.fail(error) }
    acknowledged.fail(error)
  }

  private func stop() {
    writing?.cancel()
    for connection in connections { connection.close() }
  }
}
