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

/// After a failover a whole center wants to start at once.
@Suite struct WaveTests {
  private func pod(_ number: Int, priority: Int64, on node: String? = nil, phase: String = "Pending") -> KubeObject {
    var spec: JSONValue = ["priority": .int(priority)]
    if let node { spec["nodeName"] = .string(node) }
    return KubeObject([
      "kind": "Pod", "metadata": ["name": .string("p\(number)"), "namespace": "shop", "uid": .string("u\(number)")], "spec": spec,
      "status": ["phase": .string(phase)],
    ])
  }

  /// Two nodes, a hundred pods of three priorities: the important ones first, never more on a node than it may have to start, and the next
  /// exactly as fast as pods start.
  @Test func `pods come in waves, by priority, as fast as nodes start them`() {
    var state = SchedulerState(schedulerName: "default-scheduler", seed: 1)
    let now = MonotonicTime(nanoseconds: 0)
    for name in ["n1", "n2"] {
      state.onNode(
        KubeObject([
          "kind": "Node", "metadata": ["name": .string(name), "labels": ["federation.tricenter.io/center": "local-dr"]],
          "status": [
            "conditions": [["type": "Ready", "status": "True"]], "allocatable": ["cpu": "64", "memory": "256Gi", "pods": "110"],
          ],
        ]), now: now)
    }
    _ = state.onCenter("local-dr")
    let priorities: [Int64] = (0..<100).map { Int64($0 % 3) }
    for (number, priority) in priorities.enumerated() { state.onPod(pod(number, priority: priority), now: now) }
    var order: [Int64] = []
    var startingOn: [(number: Int, node: String)] = []
    func schedule() {
      while let (info, outcome) = state.decide() {
        switch outcome {
        case .node(let node):
          state.onBound(info)
          order.append(info.priority)
          startingOn.append((Int(info.object.name.dropFirst()) ?? -1, node))
        case .unschedulable(_, let kinds): state.onUnschedulable(info, kinds: kinds, now: now)
        }
      }
    }
    schedule()
    let limit: Int = SchedulerLimits.startingPodsPerNode
    #expect(order.count == 2 * limit)
    var most: Int = 0
    while !startingOn.isEmpty {
      most = max(most, Dictionary(grouping: startingOn, by: \.node).values.map(\.count).max() ?? 0)
      let (number, node) = startingOn.removeFirst()
      let before: Int = order.count
      state.onPod(pod(number, priority: priorities[number], on: node, phase: "Running"), now: now)
      schedule()
      #expect(order.count == min(100, before + 1))
    }
    #expect(most == limit)
    #expect(order == priorities.sorted(by: >), "every pod of a higher priority is placed before one of a lower")
  }
}
