import KubeModel
import Primitives

/// The life of one pod on this host, as a value: events in, directives out. It knows neither clock nor runtime.
///
///     API object ─ onDesired, onGone ─┐                        ┌─▶ startSandbox, discardSandboxes
///     runtime    ─ onObserved ────────┤                        ├─▶ startContainer, stopContainer, removeContainers
///     probes     ─ onProbe ───────────┼──▶  what is ≠ wanted ──┼─▶ startProbes, stopProbes
///     answers    ─ on…Started, …──────┤                        ├─▶ publish, record, deleteObject
///     fence      ─ onFence, onUnfence ┘                        └─▶ wake, finished
///
/// Level-triggered: every event changes what is known and then `advance` compares it as a whole with what is wanted. At most
/// one operation per container and one on the sandbox are under way; an observation taken before the last operation ended is dropped.
/// Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
public struct PodLifecycle: Sendable {
  enum SandboxOperation: Hashable, Sendable { case none, starting, discarding }
  enum Deletion: Hashable, Sendable { case none, underWay, retryAt(MonotonicTime), done }

  public internal(set) var blueprint: PodBlueprint
  let hostAddress: String
  /// Init containers first, then containers, each in the order of the Pod.
  var records: [ContainerRecord]
  var initCount: Int { blueprint.initContainers.count }
  var sandbox: SandboxObservation?
  var staleSandboxes: [String] = []
  var sandboxOperation: SandboxOperation = .none
  var sandboxAttempt: UInt32 = 0
  var sandboxRetryAt: MonotonicTime?
  var sandboxRetryDelay: Duration = KubeletLimits.sandboxRetry
  var fenced: String?
  var gone: Bool = false
  /// `Succeeded` or `Failed` once no container will run again.
  var completed: String?
  /// Why this host gave the pod up, whatever its restart policy says; `completed` is then `Failed`.
  var failure: PodFailure?
  /// Why nothing of the pod is made here, as long as it is bound here.
  var refusal: PodFailure?
  /// The API had a final phase before this worker knew the pod: its status is history and not written again.
  var finalInAPI: Bool
  var deletion: Deletion = .none
  var ended: Bool = false
  var lastChange: MonotonicTime
  var published: JSONValue
  var startTime: String
  var surplusContainers: [String] = []
  /// Containers whose death should be told in an event.
  var pendingEvents: [PodEvent] = []
  var pendingProbes: [PodDirective] = []

  /// Takes the pod over with what the runtime already has of it: nothing for a new pod, everything after a restart of the kubelet.
  public init(pod: KubeObject, observation: PodObservation, hostAddress: String, now: Reading) {
    blueprint = PodBlueprint(pod)
    self.hostAddress = hostAddress
    records = (blueprint.initContainers + blueprint.containers).map { ContainerRecord($0) }
    finalInAPI = blueprint.isFinished
    completed = blueprint.isFinished ? blueprint.phase : nil
    lastChange = observation.takenAt
    published = pod.status
    startTime = pod.status["startTime"].string ?? now.wall.rfc3339
    adopt(observation, status: pod.status, now: now)
  }

  private mutating func adopt(_ observation: PodObservation, status: JSONValue, now: Reading) {
    let sandboxes: [SandboxObservation] = observation.sandboxes.sorted { ($0.attempt, $0.createdAt) < ($1.attempt, $1.createdAt) }
    sandbox = sandboxes.last
    staleSandboxes = sandboxes.dropLast().map(\.id)
    sandboxAttempt = sandboxes.last.map { $0.attempt + 1 } ?? 0
    let ready: Set<String> = Set(
      (status["containerStatuses"].array + status["initContainerStatuses"].array)
        .filter { $0["ready"].bool == true || $0["started"].bool == true }.compactMap { $0["containerID"].string })
    for index in records.indices {
      let own: [ContainerObservation] = observation.containers.filter { $0.name == records[index].blueprint.name }
        .sorted { ($0.attempt, $0.createdAt) < ($1.attempt, $1.createdAt) }
      guard let last: ContainerObservation = own.last else { continue }
      records[index].current = last
      records[index].attempt = last.attempt
      records[index].previous = own.dropLast().last
      surplusContainers += own.dropLast(2).map(\.id)
      records[index].assumedReady = ready.contains("containerd://" + last.id)
      if last.state == .running { pendingProbes.append(.startProbes(name: last.name, id: last.id)) }
      if records[index].hasExited { records[index].exitSeenAt = now.monotonic }
    }
  }

  /// The grace in force when the pod must not run: nil while it may.
  var stopGrace: Duration? {
    var grace: Duration?
    func take(_ candidate: Duration) { grace = min(grace ?? candidate, candidate) }
    if let granted: Duration = blueprint.deletion { take(granted) }
    if gone { take(KubeletLimits.orphanGrace) }
    if fenced != nil { take(.zero) }
    return grace
  }

  /// Something is being changed or awaited: the shell then observes at the quick rate.
  public var isBusy: Bool {
    if stopGrace != nil { return !ended && (fenced == nil || sandbox != nil || sandboxOperation != .none) }
    if completed != nil { return sandbox != nil }
    if refusal != nil { return false }
    return sandbox == nil || records.dropFirst(initCount).contains { !$0.isReady }
  }

  /// May this probe of that instance run now? Readiness and liveness wait for the startup probe.
  public func mayProbe(_ name: String, id: String, kind: ProbeKind) -> Bool {
    guard let record: ContainerRecord = records.first(where: { $0.blueprint.name == name }), record.current?.id == id, record.isRunning,
      record.operation == .none
    else { return false }
    return kind == .startup ? record.probes[.startup]?.verdict == .unknown : record.isStarted
  }
  /// The instance is still the current one; its probe loops may stay.
  public func isCurrent(_ name: String, id: String) -> Bool {
    records.contains { $0.blueprint.name == name && $0.current?.id == id && $0.isRunning }
  }
  public var podAddress: String { sandbox?.address ?? "" }
  public var sandboxID: String? { sandbox?.id }
  public var isReady: Bool { records.dropFirst(initCount).allSatisfy(\.isReady) && stopGrace == nil && completed == nil }
  /// No process of the pod runs or is being started.
  public var isQuiet: Bool { !records.contains { $0.isRunning || $0.operation != .none } && sandboxOperation != .starting }
  public var hasEnded: Bool { ended }
  /// Nothing of the pod runs here any more or will.
  public var isOver: Bool { ended || (completed != nil && isQuiet && sandbox == nil) }
  public func containerID(_ name: String) -> String? { records.first { $0.blueprint.name == name }?.current?.id }
}
