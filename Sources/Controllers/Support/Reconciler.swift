import KubeClient
import Metrics
import Primitives

/// One control loop: keys in a queue, and what is done for a key. Its decision stands in pure functions beside it.
protocol Reconciler: AnyObject, Sendable {
  var name: String { get }
  var queue: WorkQueue { get }
  /// Brings what one key stands for closer to what is wanted. Called for one key at most once at a time. Throwing means: again,
  /// after a pause.
  func reconcile(_ key: String) async throws
  /// Anything besides the queue, until cancelled.
  func background() async throws
}

extension Reconciler {
  func background() async throws {}

  func run(workers: Int) async {
    let timer = Timer(label: "controller_reconcile_seconds", dimensions: [("controller", name)])
    let failures = Counter(label: "controller_reconcile_errors_total", dimensions: [("controller", name)])
    let clock = SystemClock()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.queue.run(workers: workers) { key in
          let began: MonotonicTime = clock.now()
          defer { timer.recordNanoseconds((clock.now() - began).inNanoseconds) }
          do {
            try await self.reconcile(key)
          } catch {
            failures.increment()
            throw error
          }
        }
      }
      group.addTask { try? await self.background() }
      await group.waitForAll()
    }
  }
}
