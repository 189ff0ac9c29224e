import HTTP
import NIOCore
import Primitives

/// One writer and many watchers of what it writes: the next put goes out when every watcher has seen the last one. Lives on one event loop.
final class FanOut: LoadDelegate {
  private let watchers: Int
  private let watchConnections: Int
  private let clock = SystemClock()
  private var connections: [LoadConnection] = []
  private var writer: LoadConnection?
  private var created: Int = 0
  private var seen: Int = 0
  private var number: Int = 0
  private var began = MonotonicTime(nanoseconds: 0)
  private var stopping: Bool = false
  private let finished: EventLoopPromise<Void>
  private var ended: Bool = false
  var recording: Bool = false
  private(set) var samples: [Int64] = []

  static let key = Bytes("bench/watched")

  init(watchers: Int, watchConnections: Int, finished: EventLoopPromise<Void>) {
    self.watchers = watchers
    self.watchConnections = watchConnections
    self.finished = finished
  }

  /// Connections 0..<watchConnections watch, the next one writes.
  func ready(_ connection: LoadConnection) {
    if connection.tag == watchConnections { writer = connection } else { connections.append(connection) }
    guard writer != nil, connections.count == watchConnections else { return }
    let request: ByteBuffer = Requests.watch(Self.key)
    for index in 0..<watchers { _ = connections[index % watchConnections].open(request, ends: false) }
    for connection in connections { connection.flush() }
  }

  private func put() {
    guard !stopping, let writer else { return end(nil) }
    number += 1
    seen = 0
    began = clock.now()
    _ = writer.open(Requests.put(Self.key, Requests.value(256, number)), ends: true)
  }

  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer) {
    guard connection.tag != watchConnections else { return }
    var reader = ProtobufReader(message)
    do {
      while let field: ProtobufReader.Field = try reader.next() {
        if field.number == 3 {
          created += 1
          if created == watchers { put() }
        }
        if field.number == 11 { event() }
        try reader.skip(field)
      }
    } catch {
      end(BenchmarkError(.connection, "A watch's answer cannot be read.", cause: error))
    }
  }

  private func event() {
    seen += 1
    if recording, samples.count < BenchmarkLimits.samples { samples.append((clock.now() - began).inNanoseconds) }
    if seen == watchers { put() }
  }

  func ended(_ connection: LoadConnection, stream: Int32, status: Int) {
    if status != 0 || connection.tag != watchConnections {
      end(BenchmarkError(.refused, "The server ended a watch or a put with gRPC status \(status)."))
    }
  }

  func lost(_ connection: LoadConnection, _ error: BenchmarkError) { end(error) }

  private func end(_ error: BenchmarkError?) {
    guard !ended else { return }
    ended = true
    for connection in connections { connection.close() }
    writer?.close()
    connections = []
    writer = nil
    if let error { finished.fail(error) } else { finished.succeed(()) }
  }

  /// Watches until `seconds` have passed after `warmUp`; operations are events delivered.
  static func run(
    watchers: Int, against target: LoadTarget, seconds: Double, warmUp: Double, cpu: () throws -> Double, on loop: any EventLoop
  ) async throws -> LoadResult {
    let watchConnections: Int = max(1, watchers / 50)
    let finished: EventLoopPromise<Void> = loop.makePromise()
    let bound: NIOLoopBound<FanOut> = try await loop.submit {
      NIOLoopBound(FanOut(watchers: watchers, watchConnections: watchConnections, finished: finished), eventLoop: loop)
    }.get()
    do {
      for tag in 0...watchConnections {
        try await target.connect(tag: tag, path: tag == watchConnections ? Requests.putPath : Requests.watchPath, delegate: bound, on: loop)
      }
      try await Task.sleep(for: .seconds(warmUp))
    } catch {
      finished.fail(error)
      throw error
    }
    var result = LoadResult()
    let before: Double = try cpu()
    let clock = SystemClock()
    let began: MonotonicTime = clock.now()
    try await loop.submit { bound.value.recording = true }.get()
    try await Measuring.wait(seconds, clock) { try await loop.submit { bound.value.ended ? 1 : bound.value.samples.count }.get() }
    result.seconds = (clock.now() - began).inMilliseconds / 1000
    result.serverCPUSeconds = try cpu() - before
    let samples: [Int64] = try await loop.submit {
      bound.value.recording = false
      bound.value.stopping = true
      bound.value.end(nil)
      return bound.value.samples
    }.get()
    try await finished.futureResult.get()
    result.operations = samples.count
    result.setLatencies(samples)
    return result
  }
}
