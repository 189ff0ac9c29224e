import Primitives

/// What a container is made from; the words of CRI's `ContainerConfig`.
public struct ContainerConfiguration: Hashable, Sendable {
  public var name: String
  public var attempt: UInt32
  public var image: String
  /// Replaces the image's entry point; empty leaves it.
  public var command: [String] = []
  public var arguments: [String] = []
  public var workingDirectory: String = ""
  public var environment: [EnvironmentVariable] = []
  public var mounts: [ContainerMount] = []
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  /// Below the sandbox's log directory.
  public var logPath: String = ""
  public var standardInput: Bool = false
  public var standardInputOnce: Bool = false
  public var terminal: Bool = false
  public var resources = ContainerResources()
  public var security = ContainerSecurity()

  public init(name: String, attempt: UInt32, image: String) {
    self.name = name
    self.attempt = attempt
    self.image = image
  }
}

public struct EnvironmentVariable: Hashable, Sendable {
  public var name: String
  public var value: String
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

public struct ContainerMount: Hashable, Sendable {
  public enum Propagation: Int, Hashable, Sendable { case none = 0, hostToContainer = 1, bidirectional = 2 }
  public var containerPath: String
  public var hostPath: String
  public var readOnly: Bool
  public var propagation: Propagation
  public init(containerPath: String, hostPath: String, readOnly: Bool = false, propagation: Propagation = .none) {
    self.containerPath = containerPath
    self.hostPath = hostPath
    self.readOnly = readOnly
    self.propagation = propagation
  }
}

/// Zero means "not set".
public struct ContainerResources: Hashable, Sendable {
  /// Microseconds.
  public var cpuPeriod: Int64 = 0
  public var cpuQuota: Int64 = 0
  public var cpuShares: Int64 = 0
  public var memoryLimitBytes: Int64 = 0
  public var oomScoreAdjustment: Int64 = 0
  public init() {}
}

/// CRI's `SecurityProfile`. A local one is named by its path (seccomp) or its name in the kernel (AppArmor).
public enum SecurityProfile: Hashable, Sendable { case runtimeDefault, unconfined, localhost(String) }

public struct ContainerSecurity: Hashable, Sendable {
  public var addedCapabilities: [String] = []
  public var droppedCapabilities: [String] = []
  public var privileged: Bool = false
  public var runAsUser: Int64?
  public var runAsGroup: Int64?
  public var runAsUserName: String = ""
  public var readOnlyRoot: Bool = false
  public var supplementalGroups: [Int64] = []
  public var noNewPrivileges: Bool = false
  public var seccomp: SecurityProfile = .unconfined
  /// Nil: the runtime's choice.
  public var appArmor: SecurityProfile?
  public init() {}
}
