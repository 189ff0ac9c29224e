import Keyspace
import KubeModel
import Primitives

/// How long requests wait for a store that has no leader, and what clients are told of its errors.
struct StoreWaits: Sendable {
  let clock: any TimeSource
  /// An election takes about a second: a request that waits it out spares the client an error.
  let leaderWait: Duration

  func run<Result: Sendable>(_ operation: () async throws -> Result) async throws -> Result {
    let start: MonotonicTime = clock.now()
    while true {
      do {
        return try await operation()
      } catch let error as KeyspaceError {
        // Only these say that nothing was written.
        if error.code == .noLeader || error.code == .tooManyRequests, clock.now() - start < leaderWait {
          try await Task.sleep(for: .milliseconds(20))
          continue
        }
        throw Self.status(error)
      }
    }
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
    case .requestTooLarge: KubeStatus(code: 413, reason: "RequestEntityTooLarge", message: "etcdserver: request is too large")
    case .noLeader: .unavailable("the store has no leader: \(error.message)")
    case .unavailable: .unavailable("the store is not available: \(error.message)")
    case .tooManyRequests: .tooManyRequests("the store is overloaded: \(error.message)")
    // A write may have happened. No Retry-After: clients would repeat it by themselves.
    case .timeout, .dropped, .cancelled:
      KubeStatus(
        code: 504, reason: "Timeout", message: "the store did not answer in time; a write may or may not have happened: \(error.message)")
    default: .internalError("\(error)")
    }
  }
}
