import Glibc
import KubeModel
import Primitives
import Processes
import Testing

@testable import Kubelet

@Suite("The fence when nobody answers, and after a restart", .serialized)
struct FenceTests {
  private func at(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds * 1e9)) }

  @Test("Up from the start, unless an earlier kubelet left a deadline that stands; up at the deadline, down by a later one")
  func state() {
    #expect(FenceState(now: at(10), validUntil: nil).reason != nil)
    #expect(FenceState(now: at(10), validUntil: at(10)).reason != nil)
    #expect(FenceState(now: at(10), validUntil: at(1_000)).reason != nil)
    var restarted = FenceState(now: at(10), validUntil: at(12))
    #expect(restarted.position == .open && restarted.deadline == at(12))
    let early: Bool = restarted.onTick(now: at(11.9))
    let late: Bool = restarted.onTick(now: at(12))
    #expect(!early && late)

    var fence = FenceState(now: at(0), validUntil: nil)
    func says(_ event: FenceEvent, _ seconds: Double) -> Bool { fence.on(event, now: at(seconds)) }
    func ticks(_ seconds: Double) -> Bool { fence.onTick(now: at(seconds)) }
    #expect(says(.open(until: at(4)), 1))
    #expect(!says(.open(until: at(5)), 2))
    #expect(!ticks(4.5))
    #expect(ticks(5))
    #expect(fence.reason != nil)
    // An opening that has run out when it arrives opens nothing.
    #expect(!says(.open(until: at(5)), 6))
    #expect(says(.open(until: at(9)), 6))
    #expect(says(.fenced(reason: "local-dr is active"), 7))
  }

  @Test("A namespace placed apart has a fence of its own, and an older record opens nothing that a newer one closed")
  func namespaces() {
    var fence = FenceState(now: at(0), validUntil: nil)
    func says(_ general: FenceEvent, _ namespaces: [String: FenceEvent], _ version: UInt64, _ seconds: Double) -> Bool {
      fence.on(.apart(general: general, namespaces: namespaces, version: version), now: at(seconds))
    }
    #expect(says(.open(until: at(4)), [:], 10, 1))
    #expect(fence.positions.reason("payments") == nil)
    // It leaves: everything else goes on.
    #expect(says(.open(until: at(5)), ["payments": .fenced(reason: "moving")], 11, 2))
    #expect(fence.positions.reason("payments") == "moving" && fence.positions.reason("shop") == nil && fence.reason == nil)
    #expect(fence.positions.reason(nil) == nil && fence.positions.isUpSomewhere)
    #expect(!says(.open(until: at(6)), [:], 10, 2.5), "what an older record said comes too late")
    // It comes, while another center has the rest.
    #expect(says(.fenced(reason: "local-dr is active"), ["payments": .open(until: at(7))], 12, 3))
    #expect(fence.positions.reason("payments") == nil && fence.positions.reason("shop") != nil && fence.deadline == at(7))
    #expect(!says(.unchanged, ["payments": .unchanged], 13, 4))
    let ended: Bool = fence.onTick(now: at(7))
    #expect(ended && fence.positions.reason("payments") != nil)
    // The center takes over: the namespace is like all others, without a moment between.
    #expect(says(.open(until: at(12)), ["payments": .open(until: at(12))], 14, 8))
    #expect(!(says(.open(until: at(13)), [:], 15, 9) && fence.positions.isUpSomewhere))
    #expect(fence.positions.reason("payments") == nil)
    // What the host's agent is told closes at once, and late events of that version's predecessors open nothing.
    fence.fence("payments", reason: "moving", version: 20)
    #expect(!says(.open(until: at(14)), [:], 19, 10) && fence.positions.reason("payments") == "moving")
  }

  @Test("Namespaces placed apart are on disk as well: what was closed stays closed for the next kubelet")
  func namespaceRecord() throws {
    let scratch = Scratch()
    let path = "\(scratch.path)/kubelet/fence"
    let first = FenceRecord(path: path, bootID: "boot-1")
    let kept = FenceDeadlines(general: at(6), namespaces: ["payments": MonotonicTime?.none, "shop": at(5)])
    #expect(first.keep { kept })
    #expect(FenceRecord(path: path, bootID: "boot-1").kept == kept)
    #expect(FenceRecord(path: path, bootID: "boot-2").kept == FenceDeadlines())
    let next = FenceState(now: at(4), kept: FenceRecord(path: path, bootID: "boot-1").kept)
    #expect(next.positions.reason("payments") != nil && next.positions.reason("shop") == nil && next.reason == nil)
    #expect(first.keep { FenceDeadlines(general: at(7)) })
    #expect(FenceRecord(path: path, bootID: "boot-1").kept == FenceDeadlines(general: at(7)))
    // Where the namespaces cannot be kept, a successor gets no deadline at all.
    Files.removeTree("\(path)-namespaces")
    try Files.makeDirectory("\(path)-namespaces", mode: 0o700)
    #expect(!first.keep { kept })
    #expect(FenceRecord(path: path, bootID: "boot-1").until == nil)
  }

  @Test("The deadline on disk: of this boot only, taken back by a fence, and nothing where it cannot be read")
  func record() throws {
    let scratch = Scratch()
    let path = "\(scratch.path)/kubelet/fence"
    let first = FenceRecord(path: path, bootID: "boot-1")
    #expect(first.until == nil)
    for seconds in [5.0, 6.0] { #expect(first.keep { FenceDeadlines(general: at(seconds)) }) }
    #expect(first.until == at(6))
    #expect(FenceRecord(path: path, bootID: "boot-1").until == at(6))
    #expect(FenceRecord(path: path, bootID: "boot-2").until == nil)
    #expect(FenceRecord(path: path, bootID: "").until == nil)
    // The next kubelet writes on, and a fence takes back what it was told.
    let second = FenceRecord(path: path, bootID: "boot-1")
    #expect(second.keep { FenceDeadlines(general: at(7)) })
    #expect(FenceRecord(path: path, bootID: "boot-1").until == at(7))
    #expect(second.keep { FenceDeadlines(general: nil) })
    #expect(FenceRecord(path: path, bootID: "boot-1").until == nil)
    // Cut off, or not ours.
    for text in ["", "boot-1 0000", "boot-1 00000000000000000007", "nonsense\n", "boot-1 -0000000000000000007\n"] {
      try Files.write(Bytes(text), to: path, mode: 0o600)
      #expect(FenceRecord(path: path, bootID: "boot-1").until == nil, "\(text)")
    }
    let nowhere = FenceRecord(path: "/proc/tricenter/fence", bootID: "boot-1")
    #expect(!nowhere.keep { FenceDeadlines(general: at(7)) })
    #expect(nowhere.until == nil)
  }

  /// Two processes in cgroups made of plain files, below a kubelet whose containerd does not answer.
  private func withProcesses(
    _ scratch: Scratch, until: MonotonicTime?, _ body: (_ exclusive: pid_t, _ hot: pid_t, Kubelet) async throws -> Void
  ) async throws {
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .containerd(socket: "\(scratch.path)/nobody.sock"), rootDirectory: "\(scratch.path)/kubelet")
    // The hierarchies' mount point stands before it.
    settings.cgroupRoot = "/../../..\(scratch.path)/cgroups"
    var pids: [pid_t] = []
    defer {
      for pid in pids {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
    }
    for name in ["exclusive", "hot"] {
      let pid: pid_t = try startDetached(["sleep", "60"], log: "\(scratch.path)/\(name).log")
      pids.append(pid)
      try Files.makeDirectory("\(scratch.path)/cgroups/pod\(name)/container")
      try Files.write(Bytes("\(pid)\n"), to: "\(scratch.path)/cgroups/pod\(name)/container/cgroup.procs", mode: 0o600)
    }
    try VolumeManager(rootDirectory: settings.rootDirectory).markHot("hot", true)
    if let until {
      #expect(FenceRecord(path: "\(settings.rootDirectory)/fence", bootID: HostFacts.read().bootID).keep { FenceDeadlines(general: until) })
    }
    let cluster = try await TestCluster()
    let (events, tell) = AsyncStream<FenceEvent>.makeStream()
    let kubelet = try Kubelet(client: cluster.node, configuration: settings, fence: FenceSignal(events))
    try await cluster.withKubelet(kubelet) { try await body(pids[0], pids[1], kubelet) }
    tell.finish()
    cluster.server.stop()
  }

  /// Ended and not yet waited for.
  private func hasEnded(_ pid: pid_t) -> Bool {
    var facts = siginfo_t()
    return waitid(P_PID, id_t(pid), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 && facts.si_signo == SIGCHLD
  }

  @Test(
    "Started anew with containerd hanging: exclusive pods are killed all the same, hot ones go on, and nothing is said about how many run",
    .timeLimit(.minutes(1)))
  func runtimeHangs() async throws {
    let scratch = Scratch()
    try await withProcesses(scratch, until: nil) { exclusive, hot, kubelet in
      for _ in 0..<2_000 where !hasEnded(exclusive) { try await Task.sleep(for: .milliseconds(5)) }
      #expect(hasEnded(exclusive))
      #expect(!hasEnded(hot))
      #expect(await kubelet.exclusivePods() == nil)
      await kubelet.fence(reason: "local-dr is active")
      #expect(await kubelet.exclusivePods() == nil)
      #expect(!hasEnded(hot))
    }
  }

  @Test("A restart gives no time of its own: pods run until the deadline that the last kubelet was told", .timeLimit(.minutes(1)))
  func deadlineStands() async throws {
    let scratch = Scratch()
    let clock = SystemClock()
    let until: MonotonicTime = clock.now() + .milliseconds(1_500)
    try await withProcesses(scratch, until: until) { exclusive, hot, kubelet in
      #expect(kubelet.fenceReason == nil)
      var ended: MonotonicTime = clock.now()
      while !hasEnded(exclusive), ended < until + .seconds(10) {
        try await Task.sleep(for: .milliseconds(2))
        ended = clock.now()
      }
      #expect(ended >= until)
      #expect(ended - until < .milliseconds(500))
      #expect(!hasEnded(hot))
    }
  }

  @Test("A kubelet that is told to go on leaves the deadline for the next one; one that is fenced takes it back", .timeLimit(.minutes(1)))
  func restart() async throws {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    let runtime = try SimulatedRuntime(podCIDR: "10.244.0.0/24")
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero), rootDirectory: "\(scratch.path)/kubelet")
    settings.cgroupRoot = ""
    func kubelet() throws -> (Kubelet, AsyncStream<FenceEvent>.Continuation) {
      let (events, tell) = AsyncStream<FenceEvent>.makeStream()
      return (try Kubelet(client: cluster.node, configuration: settings, fence: FenceSignal(events), runtime: runtime), tell)
    }
    _ = try await cluster.admin.create(.pods, TestCluster.pod("exclusive"))
    let (first, tellFirst) = try kubelet()
    #expect(await first.exclusivePods() == nil)
    try await cluster.withKubelet(first) {
      tellFirst.yield(.open(until: SystemClock().now() + .seconds(50)))
      try await cluster.pod("exclusive", "ready", TestCluster.isReady)
    }
    let id: String? = try await runtime.listContainers().first?.id
    // Nobody speaks to the second; the pod runs on, and nothing was started anew.
    let (second, tellSecond) = try kubelet()
    #expect(second.fenceReason == nil)
    try await cluster.withKubelet(second) {
      for _ in 0..<2_000 where await second.exclusivePods() == nil { try await Task.sleep(for: .milliseconds(5)) }
      #expect(await second.exclusivePods() == 1)
      #expect(try await runtime.listContainers().map(\.id) == [id])
      await second.fence(reason: "production gives way to local-dr")
      #expect(await second.exclusivePods() == 0)
    }
    let (third, tellThird) = try kubelet()
    #expect(third.fenceReason != nil)
    for tell in [tellFirst, tellSecond, tellThird] { tell.finish() }
    cluster.server.stop()
  }

  @Test("Changes of pods beyond the limit are given up for a look at all of them, never lost unseen")
  func changesBeyondTheLimit() async {
    let changes = PodChanges(limit: 3)
    for number in 0..<3 { changes.add(.gone("\(number)")) }
    let whole: PodChanges.Taken = changes.take()
    #expect(whole.changes.count == 3 && !whole.lost)
    for number in 0..<5 { changes.add(.gone("\(number)")) }
    let rest: PodChanges.Taken = changes.take()
    #expect(rest.lost)
    #expect(rest.changes.count == 2)
    #expect(!changes.take().lost)
    var bell: AsyncStream<Void>.Iterator = changes.bell.makeAsyncIterator()
    #expect(await bell.next() != nil)
  }

  @Test("A job that does not fit in ends the kubelet instead of being waited for for ever", .timeLimit(.minutes(1)))
  func jobsBeyondTheLimit() async {
    let jobs = JobRunner(limit: 2)
    for _ in 0..<3 { jobs.spawn {} }
    await #expect(throws: KubeletError(.overloaded, "")) { try await jobs.run() }
    let calm = JobRunner(limit: 2)
    let running = Task { try await calm.run() }
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in calm.spawn { done.resume() } }
    running.cancel()
    _ = await running.result
  }
}
