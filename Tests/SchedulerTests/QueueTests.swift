import KubeModel
import Primitives
import Testing

@testable import Scheduler

@Suite struct QueueTests {
  func pod(_ name: String, priority: Int64 = 0, uid: String = "1") -> PodInfo {
    PodInfo(
      KubeObject([
        "kind": "Pod", "metadata": ["name": .string(name), "namespace": "shop", "uid": .string(uid)], "spec": ["priority": .int(priority)],
      ]))
  }
  func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  @Test func `higher priority first, then who came first`() {
    var queue = SchedulingQueue()
    for pod in [pod("a"), pod("b", priority: 5), pod("c"), pod("d", priority: 5)] { queue.add(pod, now: at(0)) }
    var order: [String] = []
    while let next: PodInfo = queue.pop() { order.append(next.object.name) }
    #expect(order == ["b", "d", "a", "c"])
  }

  @Test func `an unschedulable pod waits for what could help, and its backoff`() {
    var queue = SchedulingQueue()
    queue.add(pod("a"), now: at(0))
    #expect(queue.pop()?.key == "shop/a")
    queue.onUnschedulable("shop/a", kinds: [.resources], now: at(10))
    queue.onChange([.podAffinity], now: at(20))
    #expect(queue.counts == (0, 0, 1))
    queue.onChange([.resources], now: at(20))
    #expect(queue.counts == (0, 1, 0))
    #expect(queue.onTick(at(209)) == at(210))
    #expect(queue.onTick(at(210)) == nil)
    #expect(queue.pop()?.key == "shop/a")
    // What happens in flight counts, too; backoffs double.
    queue.onChange([.resources], now: at(220))
    queue.onUnschedulable("shop/a", kinds: [.resources], now: at(230))
    #expect(queue.onTick(at(230)) == at(630))
    #expect(SchedulingQueue.backoff(attempts: 30) == .seconds(5))
  }

  @Test func `a minute is the longest that a pod waits, another active center the shortest`() {
    var queue = SchedulingQueue()
    queue.add(pod("a"), now: at(0))
    _ = queue.pop()
    queue.onUnschedulable("shop/a", kinds: [.center], now: at(0))
    #expect(queue.onTick(at(1)) == at(60_000))
    queue.onCenterChange()
    #expect(queue.pop()?.key == "shop/a")
    queue.onUnschedulable("shop/a", kinds: [.center], now: at(2))
    #expect(queue.onTick(at(60_002)) == nil)
    #expect(queue.counts == (1, 0, 0))
  }

  @Test func `a removed pod is skipped and one of the same name is new`() {
    var queue = SchedulingQueue()
    queue.add(pod("a"), now: at(0))
    queue.remove("shop/a")
    #expect(queue.pop() == nil)
    queue.add(pod("a", uid: "2"), now: at(0))
    queue.add(pod("a", uid: "3"), now: at(0))
    #expect(queue.pop()?.uid == "3")
    #expect(queue.pop() == nil)
  }
}
