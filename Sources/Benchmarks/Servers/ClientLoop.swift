internal import CLinux
import NIOCore
import NIOPosix

/// The event loop of all of a benchmark's clients, and the folder of its servers.
enum ClientLoop {
  private static let sliceNanoseconds: UInt64 = 200_000

  /// Makes the folder, runs `body` on behalf of the loop, and takes both away again, however it ends.
  static func run<Outcome: Sendable>(
    in directory: String, _ body: (any EventLoop) async throws -> Outcome
  ) async throws -> Outcome {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let result: Result<Outcome, any Error>
    do {
      // The client shall not wait for a slice of the processor where a server would not.
      try await group.next().submit { _ = tricenter_request_slice(Self.sliceNanoseconds) }.get()
      try Folders.make(directory)
      defer { Folders.remove(directory) }
      result = .success(try await body(group.next()))
    } catch {
      result = .failure(error)
    }
    try await group.shutdownGracefully()
    return try result.get()
  }
}
