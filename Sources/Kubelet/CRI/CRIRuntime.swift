import HTTP
import NIOCore
import Primitives

/// containerd (or another runtime) through CRI v1 over its unix socket.
public final class CRIRuntime: ContainerRuntime {
  private let grpc: GRPCClient
  private static let runtime = "/runtime.v1.RuntimeService/"
  private static let images = "/runtime.v1.ImageService/"

  /// Calls that only ask; those that make something; pulls. containerd itself gives CNI and shims no deadline, so we do.
  static let askTimeout: Duration = .seconds(10)
  static let makeTimeout: Duration = .seconds(120)
  static let pullTimeout: Duration = .seconds(600)

  public init(socket: String, group: any EventLoopGroup) {
    var configuration = HTTPClientConfiguration(targets: [.unix(path: socket)], version: .http2, group: group)
    // grpc-go servers close connections that ping more often than every five minutes (keepalive enforcement policy).
    configuration.keepAliveInterval = .seconds(3_600)
    configuration.responseTimeout = nil
    grpc = GRPCClient(HTTPClient(configuration), messageLimit: KubeletLimits.criMessageBytes)
  }

  public var isSimulated: Bool { false }

  /// Ends the connection.
  public func close() { grpc.http.close() }

  @discardableResult
  private func call(
    _ path: String, timeout: Duration = CRIRuntime.askTimeout, _ message: (inout ProtobufWriter) -> Void = { _ in }
  ) async throws -> ProtobufReader {
    do {
      return try await grpc.unary(path, timeout: timeout, message)
    } catch let status as GRPCStatus {
      throw KubeletError(status.code == .notFound ? .notFound : .runtimeFailed, status.message, cause: status)
    } catch let error as HTTPError {
      throw KubeletError(.runtimeFailed, "The container runtime could not be asked (\(path)). Does it run?", cause: error)
    }
  }

  public func version() async throws -> String { try CRIRead.version(try await call(Self.runtime + "Version")) }
  public func status() async throws -> RuntimeStatus { try CRIRead.status(try await call(Self.runtime + "Status")) }

  public func listSandboxes() async throws -> [SandboxObservation] {
    try CRIRead.messages(try await call(Self.runtime + "ListPodSandbox")) { try SandboxObservation(cri: $0, isListElement: true) }
  }
  public func listContainers() async throws -> [ContainerObservation] {
    try CRIRead.messages(try await call(Self.runtime + "ListContainers")) { try ContainerObservation(criListElement: $0) }
  }

  public func runSandbox(_ sandbox: SandboxConfiguration) async throws -> String {
    try CRIRead.firstString(
      try await call(Self.runtime + "RunPodSandbox", timeout: Self.makeTimeout) { $0.message(1) { sandbox.write(to: &$0) } })
  }
  public func sandboxStatus(_ id: String) async throws -> SandboxObservation {
    let found: [SandboxObservation] = try CRIRead.messages(try await call(Self.runtime + "PodSandboxStatus") { $0.string(1, id) }) {
      try SandboxObservation(cri: $0, isListElement: false)
    }
    guard let sandbox: SandboxObservation = found.first else { throw KubeletError(.notFound, "The runtime has no sandbox \(id).") }
    return sandbox
  }
  public func stopSandbox(_ id: String) async throws { try await quietly("StopPodSandbox", Self.makeTimeout) { $0.string(1, id) } }
  public func removeSandbox(_ id: String) async throws { try await quietly("RemovePodSandbox", Self.makeTimeout) { $0.string(1, id) } }

  public func createContainer(
    in sandbox: String, _ container: ContainerConfiguration, of pod: SandboxConfiguration
  ) async throws -> String {
    let answer: ProtobufReader = try await call(Self.runtime + "CreateContainer", timeout: Self.makeTimeout) { request in
      request.string(1, sandbox)
      request.message(2) { container.write(to: &$0, of: pod) }
      request.message(3) { pod.write(to: &$0) }
    }
    return try CRIRead.firstString(answer)
  }
  public func startContainer(_ id: String) async throws {
    try await call(Self.runtime + "StartContainer", timeout: Self.makeTimeout) { $0.string(1, id) }
  }
  public func stopContainer(_ id: String, grace: Duration) async throws {
    let seconds: Int64 = (max(0, grace.inNanoseconds) + 999_999_999) / 1_000_000_000
    try await quietly("StopContainer", .seconds(seconds) + Self.makeTimeout) { request in
      request.string(1, id)
      request.int64(2, seconds)
    }
  }
  public func removeContainer(_ id: String) async throws { try await quietly("RemoveContainer", Self.makeTimeout) { $0.string(1, id) } }

  /// Idempotent calls: what is not there is as good as stopped or removed.
  private func quietly(_ method: String, _ timeout: Duration, _ message: (inout ProtobufWriter) -> Void) async throws {
    do {
      try await call(Self.runtime + method, timeout: timeout, message)
    } catch let error as KubeletError where error.code == .notFound {
      return
    }
  }

  public func containerStatus(_ id: String) async throws -> ContainerObservation {
    let found: [ContainerObservation] = try CRIRead.messages(try await call(Self.runtime + "ContainerStatus") { $0.string(1, id) }) {
      try ContainerObservation(criStatus: $0)
    }
    guard let container: ContainerObservation = found.first else { throw KubeletError(.notFound, "The runtime has no container \(id).") }
    return container
  }

  public func execute(in container: String, _ command: [String], timeout: Duration) async throws -> ExecResult {
    let seconds: Int64 = max(1, (timeout.inNanoseconds + 999_999_999) / 1_000_000_000)
    return try CRIRead.execResult(
      try await call(Self.runtime + "ExecSync", timeout: timeout + Self.askTimeout) { request in
        request.string(1, container)
        request.strings(2, command)
        request.int64(3, seconds)
      })
  }

  public func streamExec(in container: String, _ command: [String], _ options: StreamOptions) async throws -> StreamingPlace {
    try place(
      try await call(Self.runtime + "Exec") { request in
        request.string(1, container)
        request.strings(2, command)
        request.bool(3, options.terminal)
        request.bool(4, options.standardInput)
        request.bool(5, options.standardOutput)
        request.bool(6, options.standardError)
      })
  }
  public func streamAttach(to container: String, _ options: StreamOptions) async throws -> StreamingPlace {
    try place(
      try await call(Self.runtime + "Attach") { request in
        request.string(1, container)
        request.bool(2, options.standardInput)
        request.bool(3, options.terminal)
        request.bool(4, options.standardOutput)
        request.bool(5, options.standardError)
      })
  }
  public func streamForward(to sandbox: String, ports: [Int32]) async throws -> StreamingPlace {
    try place(
      try await call(Self.runtime + "PortForward") { request in
        request.string(1, sandbox)
        request.packed(2, ports.map { UInt64($0) })
      })
  }
  private func place(_ answer: ProtobufReader) throws -> StreamingPlace {
    let url: String = try CRIRead.firstString(answer)
    guard let place = StreamingPlace(url: url) else {
      throw KubeletError(.runtimeFailed, "The container runtime streams at '\(url)'; only http://HOST:PORT/ can be reached.")
    }
    return place
  }

  /// `ContainerStats`, field 4: the writable layer.
  public func writableBytes(_ id: String) async throws -> Int64 {
    try CRIRead.writableBytes(try await call(Self.runtime + "ContainerStats") { $0.string(1, id) })
  }

  public func image(_ reference: String) async throws -> ImageFacts? {
    try CRIRead.messages(try await call(Self.images + "ImageStatus") { $0.message(1) { $0.string(1, reference) } }) {
      try ImageFacts(cri: $0)
    }
    .first
  }
  public func pull(_ reference: String, credentials: RegistryCredentials?, for pod: SandboxConfiguration?) async throws {
    try await call(Self.images + "PullImage", timeout: Self.pullTimeout) { request in
      request.message(1) { $0.string(1, reference) }
      if let credentials {
        request.message(2) { auth in
          auth.string(1, credentials.user)
          auth.string(2, credentials.password)
          auth.string(5, credentials.identityToken)
        }
      }
      if let pod { request.message(3) { pod.write(to: &$0) } }
    }
  }
  public func removeImage(_ id: String) async throws {
    do {
      try await call(Self.images + "RemoveImage", timeout: Self.makeTimeout) { $0.message(1) { $0.string(1, id) } }
    } catch let error as KubeletError where error.code == .notFound {
      return
    }
  }
  public func imageDisk() async throws -> ImageCollector.Disk? {
    let place: String = try CRIRead.imageMountpoint(try await call(Self.images + "ImageFsInfo"))
    guard !place.isEmpty else { return nil }
    let disk: (free: Int64, all: Int64) = HostFacts.disk(place)
    return ImageCollector.Disk(capacity: disk.all, free: disk.free)
  }
  public func sandboxImage() async throws -> String? {
    try CRIRead.sandboxImage(try await call(Self.runtime + "Status") { $0.bool(1, true) })
  }
  public func reopenLog(_ container: String) async throws {
    try await call(Self.runtime + "ReopenContainerLog") { $0.string(1, container) }
  }
  public func listImages() async throws -> [ImageFacts] {
    try CRIRead.messages(try await call(Self.images + "ListImages")) { try ImageFacts(cri: $0) }
  }
}
