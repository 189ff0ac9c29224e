import KubeModel
import Primitives

extension PodLifecycle {
  /// Begins: what `init` found is compared with what is wanted.
  public mutating func onStart(_ now: Reading) -> [PodDirective] { advance(now) }

  /// The API's object changed (or was seen again).
  public mutating func onDesired(_ pod: KubeObject, now: Reading) -> [PodDirective] {
    let new = PodBlueprint(pod)
    guard new.uid == blueprint.uid else { return [] }
    // Containers of a pod do not come and go; images and probes' host objects may change in place.
    for index in records.indices {
      let containers: [ContainerBlueprint] = new.initContainers + new.containers
      guard index < containers.count, containers[index].name == records[index].blueprint.name else { continue }
      records[index].blueprint = containers[index]
    }
    blueprint = new
    if new.isFinished, completed == nil { completed = new.phase }
    // While nobody heard of this host the node controller called its pods not ready: what was told last is told again.
    let isCalledUnready: Bool = pod.status["conditions"].array.contains {
      $0["type"].string == "Ready" && $0["status"].string == "False" && $0["reason"].string == "NodeNotReady"
    }
    if isCalledUnready { published["conditions"] = .null }
    return advance(now)
  }

  /// The object is gone from the API, or is no longer bound to this host.
  public mutating func onGone(now: Reading) -> [PodDirective] {
    gone = true
    return advance(now)
  }

  public mutating func onFence(reason: String, now: Reading) -> [PodDirective] {
    guard blueprint.exclusive, fenced == nil else { return [] }
    fenced = reason
    pendingEvents.append(.warning("Fenced", "Stopped at once: \(reason)"))
    return advance(now)
  }

  public mutating func onUnfence(now: Reading) -> [PodDirective] {
    guard fenced != nil else { return [] }
    fenced = nil
    return advance(now)
  }

  /// Not admitted on this host: nothing of it is started. A pod that already has a sandbox is left alone.
  public mutating func onRefused(_ failure: PodFailure, now: Reading) -> [PodDirective] {
    guard sandbox == nil, staleSandboxes.isEmpty, sandboxOperation == .none else { return [] }
    if failure.isFinal { return giveUp(failure, now: now) }
    guard completed == nil, refusal == nil else { return [] }
    refusal = failure
    pendingEvents.append(.warning(failure.reason, failure.message))
    return advance(now)
  }
  /// It took more of the host than it may: ends at once.
  public mutating func onEvicted(_ failure: PodFailure, now: Reading) -> [PodDirective] { giveUp(failure, now: now) }

  private mutating func giveUp(_ failure: PodFailure, now: Reading) -> [PodDirective] {
    guard completed == nil, stopGrace == nil else { return [] }
    fail(failure)
    return advance(now)
  }

  mutating func fail(_ failure: PodFailure) {
    self.failure = failure
    completed = "Failed"
    pendingEvents.append(.warning(failure.reason, failure.message))
  }

  public mutating func onWake(now: Reading) -> [PodDirective] { advance(now) }

  public mutating func onSandboxStarted(_ started: SandboxObservation, now: Reading) -> [PodDirective] {
    sandboxOperation = .none
    lastChange = now.monotonic
    sandbox = started
    sandboxAttempt = started.attempt + 1
    sandboxRetryDelay = KubeletLimits.sandboxRetry
    sandboxRetryAt = nil
    // What ran in an earlier sandbox runs again in this one, init containers first.
    for index in records.indices where records[index].current.map({ $0.sandbox != started.id }) ?? false {
      if records[index].wantsRestart(blueprint.restartPolicy) || records[index].blueprint.isInit { records[index].rotate() }
    }
    return advance(now)
  }

  public mutating func onSandboxFailed(_ message: String, now: Reading) -> [PodDirective] {
    sandboxOperation = .none
    lastChange = now.monotonic
    sandboxAttempt += 1
    sandboxRetryAt = now.monotonic + sandboxRetryDelay
    sandboxRetryDelay = min(sandboxRetryDelay * 2, KubeletLimits.sandboxRetryMost)
    pendingEvents.append(.warning("FailedCreatePodSandBox", "Failed to create pod sandbox: \(message)"))
    return advance(now)
  }

  public mutating func onSandboxesDiscarded(_ ids: [String], now: Reading) -> [PodDirective] {
    sandboxOperation = .none
    lastChange = now.monotonic
    staleSandboxes.removeAll { ids.contains($0) }
    if let id: String = sandbox?.id, ids.contains(id) { sandbox = nil }
    return advance(now)
  }

  public mutating func onContainerStarted(_ container: ContainerObservation, now: Reading) -> [PodDirective] {
    guard let index: Int = index(of: container.name) else { return [] }
    lastChange = now.monotonic
    records[index].operation = .none
    records[index].waiting = nil
    records[index].retryAt = nil
    records[index].failures = RestartBackoff()
    records[index].current = container
    records[index].attempt = container.attempt
    records[index].resetProbes()
    if container.state == .running {
      pendingProbes.append(.startProbes(name: container.name, id: container.id))
    } else {
      // Died before it was looked at, or could not be executed: the crash back-off counts from now.
      records[index].exitSeenAt = now.monotonic
    }
    return advance(now)
  }

  public mutating func onContainerFailed(_ name: String, _ failure: StartFailure, now: Reading) -> [PodDirective] {
    guard let index: Int = index(of: name) else { return [] }
    lastChange = now.monotonic
    records[index].operation = .none
    records[index].waiting = .init(reason: failure.reason, message: failure.message, since: now.monotonic)
    if failure.isImage {
      records[index].failures.step(failedAt: now.monotonic, now: now.monotonic)
      records[index].retryAt = now.monotonic + records[index].failures.current
    } else {
      records[index].retryAt = now.monotonic + KubeletLimits.configurationRetry
    }
    pendingEvents.append(.warning("Failed", failure.eventMessage, container: name))
    return advance(now)
  }

  /// `observation` is the exited instance; nil when the runtime no longer knows it.
  public mutating func onContainerStopped(_ name: String, _ observation: ContainerObservation?, now: Reading) -> [PodDirective] {
    guard let index: Int = index(of: name) else { return [] }
    lastChange = now.monotonic
    // A repeated stop with a shorter grace is answered twice; the second answer finds nothing under way.
    guard records[index].operation != .none else { return [] }
    records[index].operation = .none
    exit(index, observation, now: now)
    return advance(now)
  }

  public mutating func onProbe(_ name: String, id: String, kind: ProbeKind, succeeded: Bool, message: String, now: Reading)
    -> [PodDirective]
  {
    guard let index: Int = index(of: name), mayProbe(name, id: id, kind: kind) else { return [] }
    guard let changed: Bool = records[index].probes[kind]?.onResult(succeeded: succeeded, message: message) else { return [] }
    if kind == .readiness, changed { records[index].assumedReady = false }
    if !succeeded {
      pendingEvents.append(.warning("Unhealthy", "\(kind.title) probe failed: \(message)", container: name))
    }
    if changed, !succeeded, kind != .readiness, stopGrace == nil {
      let grace: Duration = records[index].blueprint.probe(kind)?.grace ?? blueprint.grace
      var out: [PodDirective] = []
      stop(index, grace: grace, reason: "Container \(name) failed \(kind.rawValue) probe, will be restarted", &out)
      return out + advance(now)
    }
    return changed || !succeeded ? advance(now) : []
  }

  public mutating func onDeleted(now: Reading) -> [PodDirective] {
    deletion = .done
    return advance(now)
  }
  public mutating func onDeleteFailed(now: Reading) -> [PodDirective] {
    deletion = .retryAt(now.monotonic + KubeletLimits.apiRetryMost)
    return advance(now)
  }

  func index(of name: String) -> Int? { records.firstIndex { $0.blueprint.name == name } }
}

/// Why a container did not come to run, in the words of `state.waiting.reason`.
public struct StartFailure: Hashable, Sendable {
  public var reason: String
  public var message: String
  public var isImage: Bool

  public static func imagePull(_ message: String) -> Self { Self(reason: "ErrImagePull", message: message, isImage: true) }
  public static func imageNever(_ message: String) -> Self { Self(reason: "ErrImageNeverPull", message: message, isImage: true) }
  public static func configuration(_ message: String) -> Self {
    Self(reason: "CreateContainerConfigError", message: message, isImage: false)
  }
  public static func create(_ message: String) -> Self { Self(reason: "CreateContainerError", message: message, isImage: false) }
  public static func run(_ message: String) -> Self { Self(reason: "RunContainerError", message: message, isImage: false) }
  var eventMessage: String { "Error: \(reason): \(message)" }
}
