import Keyspace
import NIOCore
import Primitives

/// Commands and settings, from any task.
extension Store: CommandStore {
  public func execute(_ command: KeyspaceCommand) async throws -> CommandResult {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<CommandResult, any Error>) in
      onLoop { self.submit(command) { continuation.resume(with: $0) } }
    }
  }

  /// Bytes of keys, values and kept versions. On the loop only.
  public var sizeBytes: Int {
    eventLoop.assertInEventLoop()
    return core.value?.keyspace.sizeBytes ?? 0
  }

  public func setting(_ name: String) -> Setting { board.setting(name) }
  public var settingsVersion: UInt64 { board.settingsVersion.load(ordering: .acquiring) }

  public func copyOfKeyspace() async throws -> Keyspace {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Keyspace, any Error>) in
      onLoop {
        guard let member: MemberCore = self.core.value, member.failure == nil else {
          return continuation.resume(throwing: KeyspaceError(.unavailable, "this member is not running"))
        }
        continuation.resume(returning: member.keyspace)
      }
    }
  }

  /// Takes a snapshot now, so that the log before it can be dropped, and returns the space behind it to the system: journal segments to the
  /// disk, memory to the kernel. Answers when that is done.
  public func reclaim() async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      onLoop {
        guard let member: MemberCore = self.core.value else {
          return continuation.resume(throwing: KeyspaceError(.unavailable, "this member is not started"))
        }
        member.reclaim { continuation.resume(with: $0.mapError { $0 }) }
      }
    }
  }

  private func onLoop(_ body: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
  }
}
