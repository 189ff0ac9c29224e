/// Every bound of this module.
public enum KubeletLimits {
  /// Pods per host; the Node says so in `status.capacity.pods` (the upstream kubelet's default).
  public static let pods: Int = 110
  /// Simulated pods per host: they cost memory only.
  public static let simulatedPods: Int = 2_000
  /// Sandboxes made at the same time. On two cores four keep both busy (a sandbox waits half of its time for mounts and the
  /// bridge plugin); more only make every one of them later.
  public static let sandboxesAtOnce: Int = 4
  /// Containers created and started at the same time.
  public static let containersAtOnce: Int = 6
  public static let imagePullsAtOnce: Int = 2
  /// Registry credentials that are tried for one image.
  public static let credentialsTried: Int = 8
  /// First wait after a crash or a failed pull, doubled each time (k8s: pod-lifecycle, "Container restarts").
  public static let backoffStart: Duration = .seconds(10)
  public static let backoffMost: Duration = .seconds(300)
  /// A container that ran this long starts again from the first wait.
  public static let backoffReset: Duration = .seconds(600)
  /// A sandbox that could not be made is tried again after this, doubled up to `sandboxRetryMost`.
  public static let sandboxRetry: Duration = .seconds(1)
  public static let sandboxRetryMost: Duration = .seconds(30)
  /// A container that could not be configured (a ConfigMap that is not there yet) is tried again after this.
  public static let configurationRetry: Duration = .seconds(2)
  /// Grace for containers whose Pod object is gone: nobody can ask for more.
  public static let orphanGrace: Duration = .seconds(1)
  /// A failed delete or status patch is sent again after this, doubled up to `apiRetryMost`.
  public static let apiRetry: Duration = .milliseconds(200)
  public static let apiRetryMost: Duration = .seconds(5)
  /// How long the steps of a start may be kept for a later one to take their place.
  public static let statusSettle: Duration = .milliseconds(100)
  /// What is kept of `terminationMessagePath` (k8s: 4096 bytes).
  public static let terminationMessageBytes: Int = 4_096
  /// ConfigMap and Secret files of one volume, together (an object itself is at most 1 MiB).
  public static let volumeBytes: Int = 4 << 20
  /// A volume of Secrets in memory: the old files and the new ones stand beside each other for a moment.
  public static let secretVolumeBytes: Int = 2 * volumeBytes + (1 << 20)
  /// Projected ConfigMaps and Secrets are asked for again this often.
  public static let volumeRefresh: Duration = .seconds(20)
  /// How often a pod with a limit on its files is measured.
  public static let usageEvery: Duration = .seconds(10)
  /// Files that one measurement looks at; what lies beyond is not counted.
  public static let measuredFiles: Int = 200_000
  /// `terminationMessagePolicy: FallbackToLogsOnError` takes so much of the log's end (k8s: 80 lines, 2048 bytes).
  public static let terminationLogBytes: Int = 2_048
  public static let terminationLogLines: Int = 80
  /// While something is starting or stopping, and otherwise.
  public static let observeBusy: Duration = .milliseconds(100)
  public static let observeCalm: Duration = .seconds(1)
  /// Until the first success, startup and readiness probes are repeated this quickly during one period; these tries do not count as
  /// failures.
  public static let eagerProbe: Duration = .milliseconds(50)
  /// What a probe reads of an answer (k8s: 10 KiB).
  public static let probeBodyBytes: Int = 10_240
  /// Sandboxes that are made beforehand for `warm` workloads; how often is looked for new ones, and how long what is left over stays once
  /// the center is active.
  public static let preparedSandboxes: Int = 32
  public static let warmEvery: Duration = .seconds(1)
  public static let preparedKept: Duration = .seconds(60)
  /// How long after the first pod came to a newly active host other sandboxes wait for pods that may take prepared ones, and for those that
  /// have taken one to start.
  public static let preparedExpected: Duration = .milliseconds(50)
  public static let preparedFirst: Duration = .milliseconds(300)
  /// How often a host of a standby center looks for images that it lacks, and how many it names.
  public static let missingImagesEvery: Duration = .seconds(30)
  public static let missingImages: Int = 100
  /// Images named in the Node's status (upstream: 50).
  public static let nodeImages: Int = 50
  /// A log line longer than this is cut by the runtime (containerd's `max_container_log_line_size`).
  public static let logLineBytes: Int = 16_384
  /// Bytes of log that one request may take from a file at once.
  public static let logChunkBytes: Int = 64 << 10
  /// How often logs are looked at, and images (upstream: 10 s, 5 min).
  public static let logsEvery: Duration = .seconds(10)
  public static let imagesEvery: Duration = .seconds(300)
  /// To reach the runtime's streaming server, which is on this host.
  public static let streamConnect: Duration = .seconds(3)
  /// Exec, attach and port-forward under way at the same time.
  public static let streams: Int = 256
  /// How often a followed log is looked at.
  public static let followEvery: Duration = .milliseconds(100)
  /// One CRI message (upstream kubelet: 16 MiB).
  public static let criMessageBytes: Int = 16 << 20
  /// Environment variables of one container, Service variables included.
  public static let environmentVariables: Int = 20_000
  /// Status patches under way at the same time.
  public static let statusPatchesAtOnce: Int = 16
  /// A recorded deadline further ahead than this was not made by an activation lease.
  public static let longestLease: Duration = .seconds(60)
  /// While the fence is up, processes are looked for and killed this often.
  public static let fenceAgain: Duration = .milliseconds(100)
  /// How often, and how many times, the runtime is asked whether a container that was stopped has ended, before it is stopped again.
  public static let stopLook: Duration = .milliseconds(20)
  public static let stopLooks: Int = 100
  /// How long `fence` waits for the last process to be gone.
  public static let fenceWait: Duration = .seconds(10)
  /// Changes of pods that wait to be handed to their workers; beyond, all of them are given up for one look at the whole list.
  public static let queuedChanges: Int = 10_000
  /// Jobs (starts, stops, probes, waits) handed over and not yet begun; beyond, the kubelet ends.
  public static let queuedJobs: Int = 100_000
}
