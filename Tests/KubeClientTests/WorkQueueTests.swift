import Primitives
import Synchronization
import Testing

@testable import KubeClient

@Suite struct WorkQueueTests {
  let zero = MonotonicTime(nanoseconds: 0)

  @Test func `a key waits once and comes again if added while in process`() {
    var queue = WorkQueueInstance(limits: WorkQueueLimits())
    #expect(queue.add("a") == true)
    #expect(queue.add("a") == false)
    queue.add("b")
    #expect(queue.take() == "a")
    queue.add("a")
    #expect(queue.take() == "b")
    #expect(queue.take() == nil)
    queue.onDone("a")
    #expect(queue.take() == "a")
    queue.onDone("a")
    queue.onDone("b")
    #expect(queue.take() == nil)
  }

  @Test func `later keys come in order of their times, the earlier time wins`() {
    var queue = WorkQueueInstance(limits: WorkQueueLimits())
    queue.add("a", at: zero + .seconds(3))
    queue.add("b", at: zero + .seconds(2))
    queue.add("a", at: zero + .seconds(1))
    queue.add("a", at: zero + .seconds(9))
    #expect(queue.onTick(zero) == zero + .seconds(1))
    #expect(queue.onTick(zero + .seconds(2)) == nil || queue.countLater == 0)
    #expect(queue.take() == "a")
    #expect(queue.take() == "b")
    #expect(queue.onTick(zero + .seconds(100)) == nil)
    #expect(queue.take() == nil)
  }

  @Test func `pauses double per key up to the longest and start anew when forgotten`() {
    var queue = WorkQueueInstance(limits: WorkQueueLimits())
    #expect((0..<3).map { _ in queue.onFailure("a") } == [.milliseconds(5), .milliseconds(10), .milliseconds(20)])
    #expect(queue.onFailure("b") == .milliseconds(5))
    for _ in 0..<60 { _ = queue.onFailure("a") }
    #expect(queue.onFailure("a") == .seconds(1000))
    queue.forget("a")
    #expect(queue.onFailure("a") == .milliseconds(5))
  }

  @Test func `a full queue drops and counts`() {
    var queue = WorkQueueInstance(limits: WorkQueueLimits(keys: 2))
    for key in ["a", "b", "c", "a"] { queue.add(key) }
    #expect(queue.dropped == 1)
    #expect(queue.count == 2)
  }

  @Test(arguments: 0..<20) func `a heap gives back in order`(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var heap: Heap<Int> = Heap()
    let numbers: [Int] = (0..<200).map { _ in Int.random(in: 0..<100, using: &random) }
    for number in numbers { heap.push(number) }
    var sorted: [Int] = []
    while let number: Int = heap.pop() { sorted.append(number) }
    #expect(sorted == numbers.sorted())
  }

  @Test func `every key is worked on, failures come again, no key is worked on twice at once`() async throws {
    let queue = WorkQueue(name: "test")
    let state: Mutex<(tries: [String: Int], active: Set<String>, overlaps: Int)> = Mutex(([:], [], 0))
    let running = Task {
      await queue.run(workers: 8) { key in
        let attempt: Int = state.withLock { state in
          if !state.active.insert(key).inserted { state.overlaps += 1 }
          state.tries[key, default: 0] += 1
          return state.tries[key] ?? 0
        }
        await Task.yield()
        _ = state.withLock { $0.active.remove(key) }
        if attempt < 3 { throw KubeError(.conflict, "again") }
      }
    }
    for number in 0..<100 { queue.add("key-\(number)") }
    try await eventually("the work") { state.withLock { $0.tries.count == 100 && $0.tries.values.allSatisfy { $0 >= 3 } } && queue.isIdle }
    #expect(state.withLock { $0.overlaps } == 0)
    running.cancel()
    await running.value
  }
}
