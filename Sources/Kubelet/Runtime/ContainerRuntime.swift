import Primitives

/// What runs containers. `CRIRuntime` asks containerd, `SimulatedRuntime` only pretends, and says so.
/// Every call throws `KubeletError`: `.notFound` where the runtime does not know the thing, otherwise `.runtimeFailed` with the
/// runtime's own message. Stops and removals of what is not there succeed.
public protocol ContainerRuntime: Sendable {
  /// `containerd://1.6.20` or `simulated://1`: the Node's `containerRuntimeVersion`.
  func version() async throws -> String
  func status() async throws -> RuntimeStatus
  /// Nothing runs and nothing answers: probes succeed by themselves, exec and logs are refused.
  var isSimulated: Bool { get }

  func listSandboxes() async throws -> [SandboxObservation]
  /// Exit codes and times are not part of a list: `containerStatus` has them.
  func listContainers() async throws -> [ContainerObservation]

  func runSandbox(_ sandbox: SandboxConfiguration) async throws -> String
  /// With the address.
  func sandboxStatus(_ id: String) async throws -> SandboxObservation
  func stopSandbox(_ id: String) async throws
  func removeSandbox(_ id: String) async throws

  func createContainer(in sandbox: String, _ container: ContainerConfiguration, of pod: SandboxConfiguration) async throws -> String
  func startContainer(_ id: String) async throws
  /// SIGTERM, after `grace` (whole seconds, rounded up) SIGKILL; returns once it has ended.
  func stopContainer(_ id: String, grace: Duration) async throws
  func removeContainer(_ id: String) async throws
  func containerStatus(_ id: String) async throws -> ContainerObservation
  /// What the container has written over its image.
  func writableBytes(_ id: String) async throws -> Int64
  func execute(in container: String, _ command: [String], timeout: Duration) async throws -> ExecResult

  /// Prepares a stream and says where it is served.
  func streamExec(in container: String, _ command: [String], _ options: StreamOptions) async throws -> StreamingPlace
  func streamAttach(to container: String, _ options: StreamOptions) async throws -> StreamingPlace
  func streamForward(to sandbox: String, ports: [Int32]) async throws -> StreamingPlace

  /// Nil when the image is not on this host.
  func image(_ reference: String) async throws -> ImageFacts?
  func pull(_ reference: String, credentials: RegistryCredentials?, for pod: SandboxConfiguration?) async throws
  func listImages() async throws -> [ImageFacts]
  func removeImage(_ id: String) async throws
  /// The file system that holds the images; nil where there is none to fill.
  func imageDisk() async throws -> ImageCollector.Disk?
  /// What sandboxes are made of: it looks unused and is not. Nil: the runtime does not tell.
  func sandboxImage() async throws -> String?
  /// The log file was renamed: the runtime writes on into a new one under the old name.
  func reopenLog(_ container: String) async throws
}

public struct RuntimeStatus: Hashable, Sendable {
  /// Nil when well; otherwise what is wrong.
  public var runtimeProblem: String?
  public var networkProblem: String?
  public init(runtimeProblem: String? = nil, networkProblem: String? = nil) {
    self.runtimeProblem = runtimeProblem
    self.networkProblem = networkProblem
  }
}

public struct ExecResult: Hashable, Sendable {
  public var exitCode: Int32
  /// Standard output and then standard error.
  public var output: String
  public init(exitCode: Int32, output: String) {
    self.exitCode = exitCode
    self.output = output
  }
}

public struct ImageFacts: Hashable, Sendable {
  public var id: String
  /// Tags and digests.
  public var names: [String]
  public var sizeBytes: UInt64
  /// The user that the image names, when it is a number.
  public var userID: Int64?
  public var userName: String
  /// The runtime says that it must stay.
  public var pinned: Bool = false
  public init(id: String, names: [String], sizeBytes: UInt64, userID: Int64? = nil, userName: String = "") {
    self.id = id
    self.names = names
    self.sizeBytes = sizeBytes
    self.userID = userID
    self.userName = userName
  }
}
