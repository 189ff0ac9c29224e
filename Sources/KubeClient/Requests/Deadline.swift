import Primitives

/// Runs `operation`, cancels it after `limit` and then throws `.timeout`. `operation` must end soon once cancelled.
func withDeadline<Result: Sendable>(
  _ limit: Duration, what: String, _ operation: @escaping @Sendable () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    group.addTask { try await operation() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first: Result? = try await group.next(), let result: Result = first else {
      throw KubeError(.timeout, "\(what): no answer within \(limit.inMilliseconds) ms.")
    }
    return result
  }
}
