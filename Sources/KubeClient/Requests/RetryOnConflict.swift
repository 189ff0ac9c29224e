import Primitives

/// Reads, changes and writes an object until nobody else wrote in between. `attempt` must read the object anew each time.
/// Gives up with the last `.conflict` after `attempts`. Waits 10 ms, then doubles (client-go `retry.DefaultRetry`).
public func retryOnConflict<Result>(
  attempts: Int = 6, isolation: isolated (any Actor)? = #isolation, _ attempt: () async throws -> Result
) async throws -> Result {
  precondition(attempts > 0, "retryOnConflict needs at least one attempt, not \(attempts)")
  var pause: Duration = .milliseconds(10)
  for _ in 1..<max(attempts, 1) {
    do {
      return try await attempt()
    } catch let error as KubeError where error.code == .conflict {
      try await Task.sleep(for: pause)
      pause *= 2
    }
  }
  return try await attempt()
}
