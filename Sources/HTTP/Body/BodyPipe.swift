import HTTPTypes
import NIOCore
import Synchronization

/// A bounded pipe of body bytes: one producer (an event loop, or a task in the same process), one consumer task. Costs a mutex
/// per chunk; no stream machinery (an `AsyncStream` element costs 1 to 3 µs here, `measured.md`).
final class BodyPipe: RequestBody, Sendable {
  private struct State {
    var chunks: CircularBuffer<ByteBuffer> = CircularBuffer()
    var bytes: Int = 0
    var ended: Bool = false
    var failure: (any Error)?
    var trailers: HTTPFields?
    var reader: CheckedContinuation<ByteBuffer?, any Error>?
    var writer: CheckedContinuation<Void, any Error>?
    /// The producer was told to pause and waits for `resume`.
    var paused: Bool = false
    var resume: (@Sendable () -> Void)?
  }
  private let state: Mutex<State> = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// `resume` is called, on the consumer's thread, when a producer that was told to pause may go on.
  func onResume(_ resume: @escaping @Sendable () -> Void) { state.withLock { $0.resume = resume } }

  // MARK: producer

  /// False: pause until `resume`.
  func push(_ bytes: ByteBuffer) -> Bool {
    let (reader, goOn): (CheckedContinuation<ByteBuffer?, any Error>?, Bool) = state.withLock { state in
      if state.ended || state.failure != nil { return (nil, true) }
      if let reader = state.reader {
        state.reader = nil
        return (reader, true)
      }
      state.chunks.append(bytes)
      state.bytes += bytes.readableBytes
      if state.bytes > limit { state.paused = true }
      return (nil, !state.paused)
    }
    reader?.resume(returning: bytes)
    return goOn
  }

  /// For a producer that is a task: returns once there is room again.
  func send(_ bytes: ByteBuffer) async throws {
    if bytes.readableBytes == 0 { return try failIfOver() }
    try failIfOver()
    if push(bytes) { return }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let ready: Result<Void, any Error>? = state.withLock { state in
          if let failure = state.failure { return .failure(failure) }
          if !state.paused || state.ended { return .success(()) }
          if Task.isCancelled { return .failure(HTTPError(.cancelled, "The task that wrote the body was cancelled.")) }
          precondition(state.writer == nil, "two tasks write one body")
          state.writer = continuation
          return nil
        }
        if let ready { continuation.resume(with: ready) }
      }
    } onCancel: {
      let writer = state.withLock { state in
        let writer = state.writer
        state.writer = nil
        return writer
      }
      writer?.resume(throwing: HTTPError(.cancelled, "The task that wrote the body was cancelled."))
    }
  }

  private func failIfOver() throws {
    if let failure: any Error = state.withLock({ $0.failure }) { throw failure }
  }

  func finish(trailers: HTTPFields? = nil) {
    let reader: CheckedContinuation<ByteBuffer?, any Error>? = state.withLock { state in
      guard !state.ended, state.failure == nil else { return nil }
      state.ended = true
      state.trailers = trailers
      state.resume = nil
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  /// Also drops what was not read yet: the body is worth nothing without its end.
  func fail(_ error: any Error) {
    let (reader, writer) = state.withLock {
      state -> (CheckedContinuation<ByteBuffer?, any Error>?, CheckedContinuation<Void, any Error>?) in
      guard !state.ended, state.failure == nil else { return (nil, nil) }
      state.failure = error
      state.resume = nil
      state.chunks.removeAll()
      state.bytes = 0
      defer {
        state.reader = nil
        state.writer = nil
      }
      return (state.reader, state.writer)
    }
    reader?.resume(throwing: error)
    writer?.resume(throwing: error)
  }

  // MARK: consumer

  /// The producer has said its last word, good or bad.
  var isOver: Bool { state.withLock { $0.ended || $0.failure != nil } }
  /// Bytes waiting for the consumer.
  var buffered: Int { state.withLock { $0.bytes } }
  /// There once `next` returned nil.
  var trailers: HTTPFields? { state.withLock { $0.trailers } }

  private enum Taken {
    case chunk(ByteBuffer, resume: (@Sendable () -> Void)?, writer: CheckedContinuation<Void, any Error>?)
    case end
    case failed(any Error)
    case none
  }

  private static func take(_ state: inout State, limit: Int) -> Taken {
    if let chunk: ByteBuffer = state.chunks.popFirst() {
      state.bytes -= chunk.readableBytes
      guard state.paused, state.bytes <= limit / 2 else { return .chunk(chunk, resume: nil, writer: nil) }
      state.paused = false
      defer { state.writer = nil }
      return .chunk(chunk, resume: state.resume, writer: state.writer)
    }
    if let failure = state.failure { return .failed(failure) }
    return state.ended ? .end : .none
  }

  func next() async throws -> ByteBuffer? {
    switch state.withLock({ Self.take(&$0, limit: limit) }) {
    case .chunk(let chunk, let resume, let writer):
      resume?()
      writer?.resume()
      return chunk
    case .end: return nil
    case .failed(let error): throw error
    case .none: break
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ByteBuffer?, any Error>) in
        let taken: Taken = state.withLock { state in
          let taken: Taken = Self.take(&state, limit: limit)
          if case .none = taken {
            if Task.isCancelled { return .failed(HTTPError(.cancelled, "The task that read the body was cancelled.")) }
            precondition(state.reader == nil, "two tasks read one body")
            state.reader = continuation
          }
          return taken
        }
        switch taken {
        case .chunk(let chunk, let resume, let writer):
          resume?()
          writer?.resume()
          continuation.resume(returning: chunk)
        case .end: continuation.resume(returning: nil)
        case .failed(let error): continuation.resume(throwing: error)
        case .none: break
        }
      }
    } onCancel: {
      let reader = state.withLock { state in
        let reader = state.reader
        state.reader = nil
        return reader
      }
      reader?.resume(throwing: HTTPError(.cancelled, "The task that read the body was cancelled."))
    }
  }
}

/// A body that is there already.
public final class WholeBody: RequestBody, Sendable {
  private let bytes: Mutex<ByteBuffer?>
  public init(_ bytes: ByteBuffer?) { self.bytes = Mutex(bytes.flatMap { $0.readableBytes > 0 ? $0 : nil }) }
  public func next() async throws -> ByteBuffer? {
    bytes.withLock { bytes in
      defer { bytes = nil }
      return bytes
    }
  }
}
