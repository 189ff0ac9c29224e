import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives

/// What all workers of one kubelet share.
final class WorkerContext: Sendable {
  let client: KubeClient
  let runtime: any ContainerRuntime
  let configuration: KubeletConfiguration
  let clock: any TimeSource
  let recorder: EventRecorder
  let volumes: VolumeManager
  let references: any ReferenceSource
  let services: @Sendable () -> [KubeObject]
  let resources: ResourceReference
  let prober: any Prober
  let jobs: JobRunner
  /// Nil where nothing is prepared.
  let warm: WarmKeeper?
  let abilities = HostAbilities.read()
  let logger = Logger(label: "kubelet.pod")
  let sandboxSlots = Slots(KubeletLimits.sandboxesAtOnce)
  let containerSlots = Slots(KubeletLimits.containersAtOnce)
  let pullSlots = Slots(KubeletLimits.imagePullsAtOnce)
  let patchSlots = Slots(KubeletLimits.statusPatchesAtOnce)
  let steps = StepTimers()

  init(
    client: KubeClient, runtime: any ContainerRuntime, configuration: KubeletConfiguration, clock: any TimeSource, recorder: EventRecorder,
    references: any ReferenceSource, services: @escaping @Sendable () -> [KubeObject], resources: ResourceReference, prober: any Prober,
    jobs: JobRunner, warm: WarmKeeper? = nil
  ) {
    self.warm = warm
    self.client = client
    self.runtime = runtime
    self.configuration = configuration
    self.clock = clock
    self.recorder = recorder
    self.volumes = VolumeManager(rootDirectory: configuration.rootDirectory, clock: clock)
    self.references = references
    self.services = services
    self.resources = resources
    self.prober = prober
    self.jobs = jobs
  }
}

extension WorkerContext {
  func builder(_ pod: KubeObject) -> ConfigurationBuilder {
    ConfigurationBuilder(settings: configuration, pod: pod, hostMemoryBytes: resources.hostMemoryBytes)
  }
}

/// Where the time between "bound" and "ready" goes.
struct StepTimers: Sendable {
  let volumes = Timer(label: "kubelet_pod_volumes_seconds")
  let sandbox = Timer(label: "kubelet_pod_sandbox_seconds")
  let create = Timer(label: "kubelet_container_create_seconds")
  let start = Timer(label: "kubelet_container_start_seconds")
  let patch = Timer(label: "kubelet_status_patch_seconds")
  let ready = Timer(label: "kubelet_pod_ready_seconds")
  let stop = Timer(label: "kubelet_container_stop_seconds")
}

/// The durations of one pod's start, for the one line that says where they went.
struct StartTimes: Sendable {
  var seen: MonotonicTime
  var sandbox: Duration = .zero
  var create: Duration = .zero
  var start: Duration = .zero
  var told: Bool = false
}
