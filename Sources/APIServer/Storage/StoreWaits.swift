import Keyspace
import KubeModel
import Primitives

/// How requests behave while the store changes its leader, and what clients are told of its errors.
struct StoreWaits: Sendable {
  let clock: any TimeSource
  /// An election takes about a second: a request that waits it out spares the client an error.
  let leaderWait: Duration
  /// How often a write is sent again whose fate the store could not tell.
  private static let ambiguousTries: Int = 3

  /// Reads, and calls that say by their error that nothing was done.
  func run<Result: Sendable>(_ operation: () async throws -> Result) async throws -> Result {
    let start: MonotonicTime = clock.now()
    while true {
      do {
        return try await operation()
      } catch let error as KeyspaceError {
        guard Self.saysNothingWasDone(error), clock.now() - start < leaderWait else { throw Self.status(error) }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  /// A conditional write whose conditions fail once it has been applied: it may be sent again when nobody can say whether it was.
  /// - Returns: with whether an earlier try may have been the one that was applied.
  func runConditional<Result: Sendable>(_ operation: () async throws -> Result) async throws -> (result: Result, isRepeated: Bool) {
    let start: MonotonicTime = clock.now()
    var ambiguous: Int = 0
    while true {
      do {
        return (try await operation(), ambiguous > 0)
      } catch let error as KeyspaceError {
        if Self.saysNothingWasDone(error), clock.now() - start < leaderWait || ambiguous > 0 && ambiguous < Self.ambiguousTries {
          if clock.now() - start >= leaderWait { ambiguous += 1 }
        } else if error.code == .timeout || error.code == .dropped, ambiguous + 1 < Self.ambiguousTries {
          ambiguous += 1
        } else {
          // Once a try may have been applied, no later error says that nothing was.
          throw ambiguous > 0 ? Self.undecided(error) : Self.status(error)
        }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  private static func saysNothingWasDone(_ error: KeyspaceError) -> Bool { error.code == .noLeader || error.code == .tooManyRequests }

  /// No Retry-After: clients would repeat the write by themselves and be told of a conflict with themselves.
  private static func undecided(_ error: KeyspaceError) -> KubeStatus {
    KubeStatus(
      code: 504, reason: "Timeout",
      message: "Timeout: the store did not answer in time; a write may or may not have happened: \(error.message)")
  }

  static func status(_ error: KeyspaceError) -> KubeStatus {
    switch error.code {
    case .compacted: .expired("The resourceVersion for the provided list is too old.")
    case .futureRevision:
      KubeStatus(
        code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(error.message)",
        details: [
          "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]], "retryAfterSeconds": 1,
        ])
    case .requestTooLarge: .tooLarge("the store takes no object of this size: \(error.message)")
    case .noLeader: .unavailable("the store has no leader: \(error.message)")
    case .unavailable: .unavailable("the store is not available: \(error.message)")
    case .tooManyRequests: .tooManyRequests("the store is overloaded: \(error.message)")
    case .timeout, .dropped, .cancelled: undecided(error)
    default: .internalError("\(error)")
    }
  }
}
