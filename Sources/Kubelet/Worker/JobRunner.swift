import Synchronization

/// Runs jobs that actors hand over as children of the kubelet's own task: when that is cancelled, all of them are.
final class JobRunner: Sendable {
  typealias Job = @Sendable () async -> Void
  private let jobs: AsyncStream<Job>
  private let handOver: AsyncStream<Job>.Continuation

  init() {
    (jobs, handOver) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(KubeletLimits.queuedJobs))
  }

  func spawn(_ job: @escaping Job) { handOver.yield(job) }

  /// Until its task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in jobs { group.addTask { await job() } }
      group.cancelAll()
    }
  }
}
