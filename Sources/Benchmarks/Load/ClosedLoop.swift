import NIOCore
import Primitives

/// Clients that each wait for an answer before they ask again. Lives on one event loop.
final class ClosedLoop: LoadDelegate {
  struct Plan: Sendable {
    var path: String
    var clients: Int
    var connections: Int
    /// One stream per client, a message there and one back on it again and again, instead of a call each.
    var streaming: Bool = false
    /// Stop after so many answers; nil: until told.
    var total: Int?
    /// The message of a client's n-th request, counted from 0.
    var message: @Sendable (_ client: Int, _ number: Int) -> ByteBuffer
  }

  private struct Client {
    var number: Int = 0
    var began = MonotonicTime(nanoseconds: 0)
    var recorded: Bool = false
  }

  private let plan: Plan
  private let clock = SystemClock()
  private var clients: [Client]
  /// Per connection: which client waits on a stream.
  private var waiting: [[Int32: Int]]
  private var connections: [LoadConnection] = []
  private var issued: Int = 0
  private var outstanding: Int = 0
  private var stopping: Bool = false
  private var failure: BenchmarkError?
  private let finished: EventLoopPromise<Void>
  /// Answers count and latencies are kept only while this is set.
  var recording: Bool = false
  private(set) var samples: [Int64] = []
  private(set) var failures: Int = 0
  private(set) var answers: Int = 0

  init(_ plan: Plan, finished: EventLoopPromise<Void>) {
    self.plan = plan
    self.finished = finished
    clients = [Client](repeating: Client(), count: plan.clients)
    waiting = [[Int32: Int]](repeating: [:], count: plan.connections)
  }

  func ready(_ connection: LoadConnection) {
    connections.append(connection)
    // Clients begin when all connections stand, so that none of them runs alone.
    guard connections.count == plan.connections else { return }
    for client in clients.indices { ask(client, on: connections[client % connections.count]) }
    for connection in connections { connection.flush() }
  }

  private func ask(_ client: Int, on connection: LoadConnection, again stream: Int32? = nil) {
    if stopping || plan.total.map({ issued >= $0 }) ?? false { return settle() }
    issued += 1
    outstanding += 1
    let message: ByteBuffer = plan.message(client, clients[client].number)
    clients[client].number += 1
    clients[client].recorded = recording
    clients[client].began = clock.now()
    if let stream {
      connection.send(stream, message)
    } else {
      waiting[connection.tag][connection.open(message, ends: !plan.streaming)] = client
    }
  }

  private func settle() {
    guard outstanding == 0 else { return }
    for connection in connections { connection.close() }
    connections = []
    if let failure { finished.fail(failure) } else { finished.succeed(()) }
  }

  private func answered(_ client: Int, good: Bool) {
    outstanding -= 1
    answers += 1
    guard recording, clients[client].recorded else { return }
    if good, samples.count < BenchmarkLimits.samples {
      samples.append((clock.now() - clients[client].began).inNanoseconds)
    } else {
      failures += 1
    }
  }

  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer) {
    guard plan.streaming, let client: Int = waiting[connection.tag][stream] else { return }
    answered(client, good: true)
    ask(client, on: connection, again: stream)
  }

  func ended(_ connection: LoadConnection, stream: Int32, status: Int) {
    guard let client: Int = waiting[connection.tag].removeValue(forKey: stream) else { return }
    if status != 0, plan.total != nil || plan.streaming {
      failure = failure ?? BenchmarkError(.refused, "The server refused \(plan.path) with gRPC status \(status).")
      stopping = true
    }
    answered(client, good: status == 0 && !plan.streaming)
    ask(client, on: connection)
  }

  func lost(_ connection: LoadConnection, _ error: BenchmarkError) {
    failure = failure ?? error
    stopping = true
    outstanding -= waiting[connection.tag].count
    waiting[connection.tag] = [:]
    connections.removeAll { $0 === connection }
    settle()
  }

  /// No more requests; `finished` is told when the last answer is here.
  func stop() {
    stopping = true
    settle()
  }
}

extension ClosedLoop {
  /// Runs a plan: `warmUp` uncounted, then `seconds` counted; with `plan.total` until so many answers are here, all counted.
  static func run(
    _ plan: Plan, against target: LoadTarget, seconds: Double, warmUp: Double, cpu: () throws -> Double, on loop: any EventLoop
  ) async throws -> LoadResult {
    let finished: EventLoopPromise<Void> = loop.makePromise()
    let bound: NIOLoopBound<ClosedLoop> = try await loop.submit { NIOLoopBound(ClosedLoop(plan, finished: finished), eventLoop: loop) }
      .get()
    if plan.total != nil { try await loop.submit { bound.value.recording = true }.get() }
    let clock = SystemClock()
    var began: MonotonicTime = clock.now()
    var before: Double = try cpu()
    do {
      for tag in 0..<plan.connections { try await plan.connect(tag, target, bound, loop) }
      if plan.total == nil {
        try await Task.sleep(for: .seconds(warmUp))
        before = try cpu()
        began = clock.now()
        try await loop.submit { bound.value.recording = true }.get()
        try await Measuring.wait(seconds, clock) { try await loop.submit { bound.value.samples.count + bound.value.failures }.get() }
        try await loop.submit { bound.value.recording = false }.get()
      }
    } catch {
      finished.fail(error)
      throw error
    }
    var result = LoadResult()
    if plan.total == nil {
      result.seconds = (clock.now() - began).inMilliseconds / 1000
      result.serverCPUSeconds = try cpu() - before
      try await loop.submit { bound.value.stop() }.get()
      try await finished.futureResult.get()
    } else {
      try await finished.futureResult.get()
      result.seconds = (clock.now() - began).inMilliseconds / 1000
      result.serverCPUSeconds = try cpu() - before
    }
    let (samples, failures): ([Int64], Int) = try await loop.submit { (bound.value.samples, bound.value.failures) }.get()
    result.operations = samples.count
    result.failures = failures
    result.setLatencies(samples)
    return result
  }
}

extension ClosedLoop.Plan {
  fileprivate func connect(_ tag: Int, _ target: LoadTarget, _ driver: NIOLoopBound<ClosedLoop>, _ loop: any EventLoop) async throws {
    try await target.connect(tag: tag, path: path, delegate: driver, on: loop)
  }
}
