import Primitives

public enum ContainerState: String, Hashable, Sendable { case created, running, exited, unknown }

/// One container as the runtime tells it. Times are nanoseconds since 1970 by the runtime's clock, 0 for "not yet".
public struct ContainerObservation: Hashable, Sendable {
  public var id: String
  public var sandbox: String
  public var podUID: String
  public var name: String
  public var attempt: UInt32
  public var state: ContainerState
  public var createdAt: Int64
  public var startedAt: Int64
  public var finishedAt: Int64
  public var exitCode: Int32
  public var reason: String
  public var message: String
  /// As the Pod wrote it.
  public var image: String
  /// Digest or id of what runs.
  public var imageReference: String

  public init(
    id: String, sandbox: String, podUID: String, name: String, attempt: UInt32, state: ContainerState, createdAt: Int64 = 0,
    startedAt: Int64 = 0, finishedAt: Int64 = 0, exitCode: Int32 = 0, reason: String = "", message: String = "", image: String = "",
    imageReference: String = ""
  ) {
    self.id = id
    self.sandbox = sandbox
    self.podUID = podUID
    self.name = name
    self.attempt = attempt
    self.state = state
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.exitCode = exitCode
    self.reason = reason
    self.message = message
    self.image = image
    self.imageReference = imageReference
  }
  public var isAlive: Bool { state == .running || state == .created }
}

/// One sandbox as the runtime tells it.
public struct SandboxObservation: Hashable, Sendable {
  public var id: String
  public var podUID: String
  public var namespace: String
  public var name: String
  public var attempt: UInt32
  public var ready: Bool
  public var createdAt: Int64
  /// Only what asked for this one sandbox fills it in; lists leave it empty.
  public var address: String
  /// A fence does not stop it.
  public var hot: Bool = false
  /// It was made before its pod: which pods it fits (`SandboxTemplate.digest`). Nil: made for the pod it names.
  public var prepared: String?

  public init(
    id: String, podUID: String, namespace: String, name: String, attempt: UInt32, ready: Bool, createdAt: Int64 = 0, address: String = ""
  ) {
    self.id = id
    self.podUID = podUID
    self.namespace = namespace
    self.name = name
    self.attempt = attempt
    self.ready = ready
    self.createdAt = createdAt
    self.address = address
  }
}

/// Everything that the runtime has of one pod at one moment.
public struct PodObservation: Hashable, Sendable {
  public var sandboxes: [SandboxObservation]
  public var containers: [ContainerObservation]
  /// Read *before* the runtime was asked: what finished later is not contradicted by this observation.
  public var takenAt: MonotonicTime
  public init(sandboxes: [SandboxObservation] = [], containers: [ContainerObservation] = [], takenAt: MonotonicTime) {
    self.sandboxes = sandboxes
    self.containers = containers
    self.takenAt = takenAt
  }
}
