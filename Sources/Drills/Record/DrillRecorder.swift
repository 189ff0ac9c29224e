import KubeClient
import KubeModel
import Primitives
import Synchronization

/// Writes a drill's progress into a `Drill` object while it runs. The API is away in the middle of many drills, so nobody waits for it:
/// the newest status is written when it can be, and only the end waits a little for its own.
final class DrillRecorder: Sendable {
  private struct State {
    var progress: DrillProgress
    /// Counts changes, and the newest that is stored.
    var version: Int = 1
    var stored: Int = 0
    var isCreated: Bool = false
    var isAborted: Bool = false
    var problem: String = ""
  }
  let name: String
  private let client: KubeClient
  private let plan: RunPlan
  private let clock: any TimeSource
  private let state: Mutex<State>
  private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

  init(client: KubeClient, plan: RunPlan, clock: any TimeSource) {
    var client: KubeClient = client
    client.requestTimeout = DrillLimits.recordTimeout
    client.followsRetryAfter = false
    self.client = client
    self.plan = plan
    self.clock = clock
    // The run and the drill are two sides of one thing, and carry one name.
    name = plan.run
    state = Mutex(State(progress: DrillProgress(plan, startedAt: clock.wall())))
  }

  /// Somebody set `spec.abort`.
  var isAborted: Bool { state.withLock { $0.isAborted } }

  func start() {
    task.withLock { task in
      guard task == nil else { return }
      task = Task { await self.run() }
    }
  }

  func show(_ record: RunRecord) {
    guard state.withLock({ $0.progress.isNews(record) }) else { return }
    change { progress, _ in progress.show(record) }
  }

  /// Waits until the end is stored, `patience` at most. Returns what kept it from being stored, or nil.
  func finish(measured: JSONValue, patience: Duration = DrillLimits.recordPatience) async -> String? {
    change { $0.onEnd(measured: measured, at: $1) }
    let deadline: MonotonicTime = clock.now() + patience
    while state.withLock({ $0.stored < $0.version }), clock.now() < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    let running: Task<Void, Never>? = task.withLock { $0 }
    running?.cancel()
    await running?.value
    return state.withLock { $0.stored < $0.version ? $0.problem : nil }
  }

  /// Leaves the record to another runner.
  func stop() async {
    let running: Task<Void, Never>? = task.withLock { $0 }
    running?.cancel()
    await running?.value
  }

  private func change(_ body: (inout DrillProgress, WallTime) -> Void) {
    let now: WallTime = clock.wall()
    state.withLock { state in
      body(&state.progress, now)
      state.version += 1
    }
  }

  private func run() async {
    var lookedAt: MonotonicTime = clock.now()
    while !Task.isCancelled {
      let (version, status, isCreated, isNew): (Int, JSONValue, Bool, Bool) = state.withLock {
        ($0.version, $0.progress.status, $0.isCreated, $0.stored < $0.version)
      }
      do {
        if !isCreated {
          try await create()
          state.withLock { $0.isCreated = true }
        } else if isNew {
          let drill: KubeObject = try await client.patch(.drills, name: name, type: .merge, ["status": status], subresource: "status")
          note(drill, stored: version)
        } else if clock.now() - lookedAt > DrillLimits.abortLook {
          lookedAt = clock.now()
          note(try await client.get(.drills, name: name), stored: version)
        }
      } catch {
        state.withLock { $0.problem = "\(error)" }
      }
      if state.withLock({ $0.stored < $0.version && $0.problem.isEmpty }) { continue }
      try? await Task.sleep(for: DrillLimits.recordPause)
    }
  }

  private func note(_ drill: KubeObject, stored: Int) {
    state.withLock { state in
      state.stored = max(state.stored, stored)
      state.isAborted = drill.spec["abort"].bool == true
      state.problem = ""
    }
  }

  private func create() async throws {
    let drill = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Drill", "metadata": ["name": .string(name)],
      "spec": ["runbook": .string(plan.runbook.id), "mode": "live", "requestedBy": "tricenter drill run"],
    ])
    do {
      _ = try await client.create(.drills, drill)
    } catch let error as KubeError where error.code == .alreadyExists {
      // An answer that was lost: it is ours.
    }
    try await forgetOldOnes()
  }

  /// The newest hundred are kept.
  private func forgetOldOnes() async throws {
    let ended: [KubeObject] = try await client.list(.drills).items.filter {
      ["Completed", "Aborted"].contains($0.status["phase"].string ?? "")
    }
    let byAge: [KubeObject] = ended.sorted { one, other in
      (one.status["startedAt"].string ?? "", one.name) > (other.status["startedAt"].string ?? "", other.name)
    }
    for old in byAge.dropFirst(DrillLimits.keptDrills) { try await client.delete(.drills, name: old.name) }
  }
}
