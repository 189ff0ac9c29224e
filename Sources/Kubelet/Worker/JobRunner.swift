/// Runs jobs that actors hand over as children of the kubelet's own task: when that is cancelled, all of them are.
final class JobRunner: Sendable {
  typealias Job = @Sendable () async -> Void
  private let jobs: AsyncStream<Job>
  private let handOver: AsyncStream<Job>.Continuation
  private let losses: AsyncStream<Void>
  private let lost: AsyncStream<Void>.Continuation
  private let limit: Int

  init(limit: Int = KubeletLimits.queuedJobs) {
    self.limit = limit
    (jobs, handOver) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
    (losses, lost) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func spawn(_ job: @escaping Job) {
    if case .dropped = handOver.yield(job) { lost.yield() }
  }

  /// Until its task is cancelled. Throws `.overloaded` when a job did not fit in any more: who waits for it waits for ever, so
  /// this kubelet has to end. The next one adopts what runs.
  func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [jobs] in
        await withDiscardingTaskGroup { group in
          for await job in jobs { group.addTask { await job() } }
          group.cancelAll()
        }
      }
      group.addTask { [losses, limit] in
        for await _ in losses {
          throw KubeletError(
            .overloaded,
            "More than \(limit) jobs of pods wait to be begun, and one was lost. The kubelet ends, and adopts its pods when it is started again."
          )
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }
}
