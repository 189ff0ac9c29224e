import Primitives

/// What the lifecycle knows of one container of its pod.
struct ContainerRecord: Hashable, Sendable {
  enum Operation: Hashable, Sendable {
    case none
    case starting
    case stopping(grace: Duration)
  }
  struct Waiting: Hashable, Sendable {
    var reason: String
    var message: String
    /// When it began: `ErrImagePull` turns into `ImagePullBackOff` a moment later.
    var since: MonotonicTime
  }

  var blueprint: ContainerBlueprint
  /// The instance of the current attempt; nil before it was created.
  var current: ContainerObservation?
  /// The instance before it: `lastState`.
  var previous: ContainerObservation?
  /// The attempt of `current`, or of the next one while there is none: `restartCount`.
  var attempt: UInt32 = 0
  var operation: Operation = .none
  var waiting: Waiting?
  var crashes = RestartBackoff()
  var failures = RestartBackoff()
  var retryAt: MonotonicTime?
  var exitSeenAt: MonotonicTime?
  var probes: [ProbeKind: ProbeCounter] = [:]
  /// Ready according to the API when this kubelet adopted it; holds until its own readiness probe says something.
  var assumedReady: Bool = false
  /// Stopped in order to start again at once, whatever it exits with.
  var restartWanted: Bool = false

  init(_ blueprint: ContainerBlueprint) {
    self.blueprint = blueprint
    resetProbes()
  }

  mutating func resetProbes() {
    probes = [:]
    for probe in blueprint.probes { probes[probe.kind] = ProbeCounter(probe) }
    assumedReady = false
  }

  var isRunning: Bool { current?.state == .running }
  var hasExited: Bool { current.map { $0.state == .exited || $0.state == .unknown } ?? false }
  var succeeded: Bool { current?.state == .exited && current?.exitCode == 0 }
  /// Runs and has passed its startup probe, if it has one (`started`).
  var isStarted: Bool {
    guard isRunning else { return false }
    guard let startup: ProbeCounter = probes[.startup] else { return true }
    return startup.verdict == .success || (startup.verdict == .unknown && assumedReady)
  }
  var isReady: Bool {
    guard isStarted else { return false }
    guard let readiness: ProbeCounter = probes[.readiness] else { return true }
    return readiness.verdict == .success || (readiness.verdict == .unknown && assumedReady)
  }

  /// Makes room for the next attempt.
  mutating func rotate() {
    guard let current else { return }
    if current.state != .created { previous = current }
    attempt = current.attempt + 1
    self.current = nil
    waiting = nil
    exitSeenAt = nil
    restartWanted = false
    resetProbes()
  }

  func wantsRestart(_ policy: PodBlueprint.RestartPolicy) -> Bool {
    if blueprint.isSidecar || restartWanted { return true }
    if blueprint.isInit { return !succeeded && policy != .never }
    switch policy {
    case .always: return true
    case .onFailure: return !succeeded
    case .never: return false
    }
  }
}
