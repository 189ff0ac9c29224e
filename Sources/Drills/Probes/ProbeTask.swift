import Synchronization

/// What a probe does beside everything else: begun, and ended and waited for.
final class ProbeTask: Sendable {
  private let tasks: Mutex<[Task<Void, Never>]> = Mutex([])

  func start(_ body: @escaping @Sendable () async -> Void) {
    let task = Task { await body() }
    tasks.withLock { $0.append(task) }
  }

  /// Returns when nothing of it runs any more.
  func stop() async {
    let running: [Task<Void, Never>] = tasks.withLock { tasks in
      defer { tasks = [] }
      return tasks
    }
    for task in running { task.cancel() }
    for task in running { await task.value }
  }
}
