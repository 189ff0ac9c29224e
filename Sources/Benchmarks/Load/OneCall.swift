import NIOCore
import Primitives

/// One call on a connection of its own, and its answer. Lives on one event loop.
final class OneCall: LoadDelegate {
  private let request: ByteBuffer
  private let answered: EventLoopPromise<ByteBuffer>
  private var answer: ByteBuffer?
  private var isDone: Bool = false

  private init(_ request: ByteBuffer, _ answered: EventLoopPromise<ByteBuffer>) {
    self.request = request
    self.answered = answered
  }

  /// Throws `BenchmarkError` `.connection`, `.refused`; after two seconds without an answer `.connection`.
  static func ask(_ path: String, _ request: ByteBuffer, member: Int, of target: LoadTarget, on loop: any EventLoop) async throws
    -> ByteBuffer
  {
    let answered: EventLoopPromise<ByteBuffer> = loop.makePromise()
    let bound: NIOLoopBound<OneCall> = try await loop.submit { NIOLoopBound(OneCall(request, answered), eventLoop: loop) }.get()
    loop.scheduleTask(in: .seconds(2)) {
      bound.value.end(.failure(BenchmarkError(.connection, "Member \(member + 1) did not answer \(path) within 2 s.")))
    }
    do {
      try await target.only(member).connect(tag: 0, path: path, delegate: bound, on: loop)
    } catch {
      loop.execute { bound.value.end(.failure(error)) }
    }
    return try await answered.futureResult.get()
  }

  private func end(_ result: Result<ByteBuffer, any Error>) {
    guard !isDone else { return }
    isDone = true
    answered.completeWith(result)
  }

  func ready(_ connection: LoadConnection) {
    _ = connection.open(request, ends: true)
    connection.flush()
  }

  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer) { answer = message }

  func ended(_ connection: LoadConnection, stream: Int32, status: Int) {
    connection.close()
    if status == 0, let answer { return end(.success(answer)) }
    end(.failure(BenchmarkError(.refused, "The server answered with gRPC status \(status).")))
  }

  func lost(_ connection: LoadConnection, _ error: BenchmarkError) { end(.failure(error)) }
}
