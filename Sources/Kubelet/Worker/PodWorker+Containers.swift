import KubeModel
import Primitives

extension PodWorker {
  /// The container's part of the Pod's spec.
  private func json(_ name: String) -> JSONValue {
    (pod.spec["initContainers"].array + pod.spec["containers"].array).first { $0["name"].string == name } ?? .null
  }

  func startContainer(_ name: String, _ attempt: UInt32) async {
    let json: JSONValue = json(name)
    guard let sandbox: SandboxObservation = lifecycle.sandbox else {
      apply(lifecycle.onContainerFailed(name, .create("The pod has no sandbox any more."), now: now))
      return
    }
    do {
      try await providePull(json)
      let container: ContainerConfiguration
      do {
        container = try await configure(json, attempt: attempt, sandbox: sandbox)
      } catch let error as KubeletError {
        if error.message.contains("MountVolume") { context.recorder.event(pod, .warning, reason: "FailedMount", message: error.message) }
        throw StartError(failure: .configuration(error.message))
      }
      var observation: ContainerObservation = try await createAndStart(container, sandbox)
      // It may have said its last words already.
      if !observation.isAlive { observation = withTerminationMessage(observation) }
      apply(lifecycle.onContainerStarted(observation, now: now))
    } catch is CancellationError {
      return
    } catch let error as StartError {
      apply(lifecycle.onContainerFailed(name, error.failure, now: now))
    } catch {
      apply(lifecycle.onContainerFailed(name, .create(Self.sentence(error)), now: now))
    }
    if sandbox.prepared != nil { await context.warm?.began(uid) }
  }

  private struct StartError: Error { var failure: StartFailure }

  /// k8s: imagePullPolicy. Without one, `:latest` and no tag mean Always.
  private func providePull(_ json: JSONValue) async throws {
    let image: String = json["image"].string ?? ""
    let policy: String = json["imagePullPolicy"].string ?? (Self.isLatest(image) ? "Always" : "IfNotPresent")
    let runtime: any ContainerRuntime = context.runtime
    do {
      let present: ImageFacts? = try await runtime.image(image)
      if policy == "Never", present == nil {
        throw StartError(failure: .imageNever("Container image \"\(image)\" is not present with pull policy of Never"))
      }
      if policy == "Never" || (policy == "IfNotPresent" && present != nil) {
        context.recorder.event(pod, .normal, reason: "Pulled", message: "Container image \"\(image)\" already present on machine")
        return
      }
      context.recorder.event(pod, .normal, reason: "Pulling", message: "Pulling image \"\(image)\"")
      let sandbox: SandboxConfiguration = context.builder(pod)
        .sandbox(attempt: lifecycle.sandbox?.attempt ?? 0)
      let credentials: [RegistryCredentials] = try await credentials(for: image)
      try await context.pullSlots.with { try await Self.pull(image, credentials, sandbox, runtime) }
      context.recorder.event(pod, .normal, reason: "Pulled", message: "Successfully pulled image \"\(image)\"")
    } catch let error as KubeletError {
      throw StartError(failure: .imagePull(error.message))
    }
  }

  /// Each that fits in turn, as nobody can tell which of them the registry wants; without any, as nobody in particular.
  private static func pull(
    _ image: String, _ credentials: [RegistryCredentials], _ sandbox: SandboxConfiguration, _ runtime: any ContainerRuntime
  ) async throws {
    guard let last: RegistryCredentials = credentials.last else { return try await runtime.pull(image, credentials: nil, for: sandbox) }
    for one in credentials.dropLast() {
      do { return try await runtime.pull(image, credentials: one, for: sandbox) } catch is KubeletError { continue }
    }
    try await runtime.pull(image, credentials: last, for: sandbox)
  }

  /// k8s: imagePullSecrets. One that is missing is told and left out, as upstream does.
  private func credentials(for image: String) async throws -> [RegistryCredentials] {
    var found: [RegistryCredentials] = []
    for reference in pod.spec["imagePullSecrets"].array {
      guard let name: String = reference["name"].string, !name.isEmpty else { continue }
      guard let secret: KubeObject = try await context.references.secret(pod.namespace, name) else {
        let message: String = "Unable to retrieve some image pull secrets (\(name)); attempting to pull the image may not succeed."
        context.recorder.event(pod, .warning, reason: "FailedToRetrieveImagePullSecret", message: message)
        continue
      }
      found += RegistryCredentials.matching(image, in: secret)
    }
    return Array(found.prefix(KubeletLimits.credentialsTried))
  }

  static func isLatest(_ image: String) -> Bool {
    if image.contains("@") { return false }
    let last: Substring = image.split(separator: "/").last ?? ""
    return !last.contains(":") || last.hasSuffix(":latest")
  }

  private func configure(_ json: JSONValue, attempt: UInt32, sandbox: SandboxObservation) async throws -> ContainerConfiguration {
    let settings: KubeletConfiguration = context.configuration
    let fields = FieldReference(
      pod: pod, nodeName: settings.hostName.value, hostAddress: settings.address,
      podAddress: sandbox.address.isEmpty ? settings.address : sandbox.address)
    let builder = context.builder(pod)
    let environment: [EnvironmentVariable] = try await EnvironmentBuilder(
      fields: fields, resources: context.resources, services: context.services(), references: context.references
    ).build(json)
    guard !context.runtime.isSimulated else { return builder.container(json, attempt: attempt, environment: environment, mounts: []) }
    let paths: [String: String] = try await volumes(payload: payload(fields))
    let mounts: [ContainerMount] = try ContainerFiles(
      pod: pod, directory: context.volumes.podDirectory(uid), address: sandbox.address, hostname: builder.sandbox(attempt: 0).hostname,
      clusterDomain: settings.clusterDomain, ownsHostname: sandbox.prepared != nil
    ).mounts(json, attempt: attempt, volumes: paths, environment: environment)
    var container: ContainerConfiguration = builder.container(json, attempt: attempt, environment: environment, mounts: mounts)
    if let user: Int64 = container.security.runAsUser, user != 0 { return container }
    let nonRoot: Bool = json["securityContext"]["runAsNonRoot"].bool ?? pod.spec["securityContext"]["runAsNonRoot"].bool ?? false
    if nonRoot {
      let image: ImageFacts? = try await context.runtime.image(container.image)
      guard container.security.runAsUser == nil, let user: Int64 = image?.userID, user != 0 else {
        throw KubeletError(.badConfiguration, "container has runAsNonRoot and image will run as root")
      }
    }
    // CRI: a group without a user is an error; root is what the image would have run as.
    if container.security.runAsUser == nil, container.security.runAsGroup != nil { container.security.runAsUser = 0 }
    return container
  }

  private func createAndStart(_ container: ContainerConfiguration, _ sandbox: SandboxObservation) async throws -> ContainerObservation {
    let context: WorkerContext = context
    let builder = context.builder(pod)
    let pod: KubeObject = pod
    let sandboxConfiguration: SandboxConfiguration = builder.sandbox(attempt: sandbox.attempt)
    let result: (ContainerObservation, Duration, Duration) = try await context.containerSlots.with {
      let began: MonotonicTime = context.clock.now()
      let id: String
      do {
        id = try await context.runtime.createContainer(in: sandbox.id, container, of: sandboxConfiguration)
      } catch let error as KubeletError {
        throw StartError(failure: .create(error.message))
      }
      context.recorder.event(pod, .normal, reason: "Created", message: "Created container: \(container.name)")
      let created: MonotonicTime = context.clock.now()
      do {
        try await context.runtime.startContainer(id)
      } catch let error as KubeletError {
        context.recorder.event(pod, .warning, reason: "Failed", message: "Error: \(error.message)")
        var observation: ContainerObservation = try await context.runtime.containerStatus(id)
        if observation.state == .created { observation.state = .exited }
        if observation.exitCode == 0 { observation.exitCode = 128 }
        observation.reason = "StartError"
        observation.message = error.message
        return (observation, created - began, context.clock.now() - created)
      }
      context.recorder.event(pod, .normal, reason: "Started", message: "Started container \(container.name)")
      let started: MonotonicTime = context.clock.now()
      return (try await context.runtime.containerStatus(id), created - began, started - created)
    }
    times.create = max(times.create, result.1)
    times.start = max(times.start, result.2)
    context.steps.create.recordNanoseconds(result.1.inNanoseconds)
    context.steps.start.recordNanoseconds(result.2.inNanoseconds)
    return await afterStart(result.0)
  }

  /// `postStart`: the container is not counted as started before it is done, and a failure kills it.
  private func afterStart(_ container: ContainerObservation) async -> ContainerObservation {
    guard container.state == .running, !context.runtime.isSimulated,
      let hook: ProbeAction = lifecycle.records.first(where: { $0.blueprint.name == container.name })?.blueprint.postStart
    else { return container }
    let outcome: ProbeOutcome = await perform(hook, container: container.id, timeout: .seconds(600))
    guard !outcome.succeeded else { return container }
    context.recorder.event(pod, .warning, reason: "FailedPostStartHook", message: outcome.message)
    try? await context.runtime.stopContainer(container.id, grace: lifecycle.blueprint.grace)
    return (try? await context.runtime.containerStatus(container.id)) ?? container
  }
}
