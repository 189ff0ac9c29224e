import KubeModel
import PodNetwork
import Primitives
import Synchronization

/// Pods without containers, for scale tests and for machines where containerd cannot run. It gives every pod an address of the
/// podCIDR, says that containers run, and serves nothing but the lab's web image on loopback (`SimulatedWebs`). The Node says
/// `simulated://1`.
public final class SimulatedRuntime: ContainerRuntime {
  private struct State {
    var sandboxes: [String: SandboxObservation] = [:]
    var containers: [String: ContainerObservation] = [:]
    var usedAddresses: Set<UInt32> = []
    var lastOffset: UInt32 = 1
    var images: Set<String> = []
    var serial: UInt64 = 0
    var environments: [String: [String: String]] = [:]
  }
  private let webs = SimulatedWebs()
  private let state: Mutex<State> = Mutex(State())
  private let range: IPv4Network
  private let startLatency: Duration
  private let clock: any TimeSource

  /// Throws `.noAddress` if `podCIDR` is not a range.
  public init(podCIDR: String, startLatency: Duration = .zero, clock: any TimeSource = SystemClock()) throws {
    guard let range = IPv4Network(podCIDR) else {
      throw KubeletError(.noAddress, "The pod range '\(podCIDR)' is not an IPv4 range such as 10.244.1.0/24.")
    }
    self.range = range
    self.startLatency = startLatency
    self.clock = clock
  }

  public var isSimulated: Bool { true }
  public func version() async throws -> String { "simulated://1" }
  public func status() async throws -> RuntimeStatus { RuntimeStatus() }
  public func listSandboxes() async throws -> [SandboxObservation] { state.withLock { Array($0.sandboxes.values) } }
  public func listContainers() async throws -> [ContainerObservation] { state.withLock { Array($0.containers.values) } }

  private var nanoseconds: Int64 {
    let wall: WallTime = clock.wall()
    return wall.secondsSince1970 * 1_000_000_000 + Int64(wall.nanoseconds)
  }

  public func runSandbox(_ sandbox: SandboxConfiguration) async throws -> String {
    let now: Int64 = nanoseconds
    return try state.withLock { state in
      state.serial += 1
      let id: String = "simulated-sandbox-\(state.serial)"
      let address: String = sandbox.hostNetwork ? "" : try take(&state)
      state.sandboxes[id] = SandboxObservation(
        id: id, podUID: sandbox.uid, namespace: sandbox.namespace, name: sandbox.name, attempt: sandbox.attempt, ready: true,
        createdAt: now, address: address)
      state.sandboxes[id]?.prepared = sandbox.annotations[PodLabels.prepared]
      return id
    }
  }

  /// Round robin like host-local, so that an address rests before it is used again.
  private func take(_ state: inout State) throws -> String {
    let size: UInt32 = UInt32(range.usableAddresses)
    for step in 1...max(1, size) {
      let offset: UInt32 = 2 + (state.lastOffset - 1 + step - 1) % max(1, size)
      if state.usedAddresses.insert(offset).inserted {
        state.lastOffset = offset
        return IPv4Address(range.base.value + offset).description
      }
    }
    throw KubeletError(.noAddress, "All \(size) addresses of \(range) are in use.")
  }

  public func sandboxStatus(_ id: String) async throws -> SandboxObservation {
    try state.withLock { state in
      guard let sandbox: SandboxObservation = state.sandboxes[id] else { throw KubeletError(.notFound, "There is no sandbox \(id).") }
      return sandbox
    }
  }
  public func stopSandbox(_ id: String) async throws {
    let now: Int64 = nanoseconds
    await webs.stop(state.withLock { state in state.containers.filter { $0.value.sandbox == id }.map(\.key) })
    state.withLock { state in
      guard let sandbox: SandboxObservation = state.sandboxes[id], sandbox.ready else { return }
      state.sandboxes[id]?.ready = false
      if let address: IPv4Address = IPv4Address(sandbox.address) { state.usedAddresses.remove(address.value - range.base.value) }
      for (key, container) in state.containers where container.sandbox == id && container.isAlive { end(&state, key, code: 137, now) }
    }
  }
  public func removeSandbox(_ id: String) async throws {
    try await stopSandbox(id)
    state.withLock { state in
      state.sandboxes[id] = nil
      state.containers = state.containers.filter { $0.value.sandbox != id }
    }
  }

  public func createContainer(
    in sandbox: String, _ container: ContainerConfiguration, of pod: SandboxConfiguration
  ) async throws -> String {
    let now: Int64 = nanoseconds
    return try state.withLock { state in
      guard state.sandboxes[sandbox] != nil else { throw KubeletError(.notFound, "There is no sandbox \(sandbox).") }
      state.serial += 1
      let id: String = "simulated-container-\(state.serial)"
      state.containers[id] = ContainerObservation(
        id: id, sandbox: sandbox, podUID: pod.uid, name: container.name, attempt: container.attempt, state: .created, createdAt: now,
        image: container.image, imageReference: "simulated:\(container.image)")
      state.environments[id] = Dictionary(container.environment.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      return id
    }
  }
  public func startContainer(_ id: String) async throws {
    if startLatency > .zero { try await Task.sleep(for: startLatency) }
    let now: Int64 = nanoseconds
    try state.withLock { state in
      guard state.containers[id]?.state == .created else { throw KubeletError(.notFound, "There is no container \(id) to start.") }
      state.containers[id]?.state = .running
      state.containers[id]?.startedAt = now
    }
    let (image, address, environment) = state.withLock { state in
      let container: ContainerObservation? = state.containers[id]
      return (
        container?.image ?? "", container.flatMap { state.sandboxes[$0.sandbox]?.address } ?? "", state.environments[id] ?? [:]
      )
    }
    await webs.start(id, image: image, address: address, environment: environment)
  }
  public func stopContainer(_ id: String, grace: Duration) async throws {
    let now: Int64 = nanoseconds
    await webs.stop([id])
    state.withLock { state in end(&state, id, code: grace > .zero ? 0 : 137, now) }
  }
  public func removeContainer(_ id: String) async throws {
    await webs.stop([id])
    state.withLock { state in
      state.containers[id] = nil
      state.environments[id] = nil
    }
  }

  private func end(_ state: inout State, _ id: String, code: Int32, _ now: Int64) {
    guard state.containers[id]?.isAlive ?? false else { return }
    state.containers[id]?.state = .exited
    state.containers[id]?.exitCode = code
    state.containers[id]?.finishedAt = now
  }

  public func containerStatus(_ id: String) async throws -> ContainerObservation {
    try state.withLock { state in
      guard let container: ContainerObservation = state.containers[id] else {
        throw KubeletError(.notFound, "There is no container \(id).")
      }
      return container
    }
  }
  /// A simulated container ends as asked: for tests of crashes.
  public func exit(container id: String, code: Int32) {
    let now: Int64 = nanoseconds
    state.withLock { end(&$0, id, code: code, now) }
  }

  public func execute(in container: String, _ command: [String], timeout: Duration) async throws -> ExecResult {
    throw KubeletError(.unsupported, "Nothing can be executed in a simulated container.")
  }
  public func streamExec(in container: String, _ command: [String], _ options: StreamOptions) async throws -> StreamingPlace {
    throw KubeletError(.unsupported, "Nothing can be executed in a simulated container.")
  }
  public func streamAttach(to container: String, _ options: StreamOptions) async throws -> StreamingPlace {
    throw KubeletError(.unsupported, "There is nothing to attach to in a simulated container.")
  }
  public func streamForward(to sandbox: String, ports: [Int32]) async throws -> StreamingPlace {
    throw KubeletError(.unsupported, "A simulated pod has no ports to forward to.")
  }
  /// Every image is "there", and the first use makes it listed.
  public func image(_ reference: String) async throws -> ImageFacts? {
    _ = state.withLock { $0.images.insert(reference) }
    return ImageFacts(id: "simulated:\(reference)", names: [reference], sizeBytes: 0)
  }
  public func pull(_ reference: String, credentials: RegistryCredentials?, for pod: SandboxConfiguration?) async throws {
    _ = state.withLock { $0.images.insert(reference) }
  }
  public func writableBytes(_ id: String) async throws -> Int64 { 0 }
  public func removeImage(_ id: String) async throws {
    _ = state.withLock { $0.images.remove(id.replacing("simulated:", with: "")) }
  }
  public func imageDisk() async throws -> ImageCollector.Disk? { nil }
  public func sandboxImage() async throws -> String? { nil }
  public func reopenLog(_ container: String) async throws {}
  public func listImages() async throws -> [ImageFacts] {
    state.withLock { $0.images.sorted() }.map { ImageFacts(id: "simulated:\($0)", names: [$0], sizeBytes: 0) }
  }
}
