import KubeModel
import Primitives

/// What one kubelet is told at its start.
public struct KubeletConfiguration: Sendable {
  public enum Runtime: Sendable, Hashable {
    /// Path of containerd's socket.
    case containerd(socket: String)
    /// Pods without containers; `startLatency` passes before each is running.
    case simulated(startLatency: Duration)
  }

  /// Also the Node's name.
  public var hostName: HostName
  public var center: CenterName
  public var city: String
  /// InternalIP of the Node and `status.hostIP` of its pods.
  public var address: String
  public var podCIDR: String
  public var runtime: Runtime
  /// Pods' volumes and logs lie below; private to this host.
  public var rootDirectory: String
  /// Pods' logs, below `rootDirectory` by default.
  public var logDirectory: String
  /// Parent of all pods' cgroups, e.g. `/tricenter/prod-1`; empty leaves it to the runtime, and then a fence cannot kill past a hanging
  /// runtime.
  public var cgroupRoot: String
  /// Addresses of the cluster's DNS; empty: pods get the host's resolv.conf.
  public var clusterDNS: [String] = []
  public var clusterDomain: String = "cluster.local"
  /// In addition to those that every Node has.
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  /// Replaces what is measured: `cpu`, `memory`, `pods`, or any extended resource.
  public var capacity: [String: String] = [:]
  /// Taken off the capacity to get what pods may ask for.
  public var reserved: [String: String] = [:]
  /// A container's log file is turned over at this size (upstream: containerLogMaxSize), and so many files of it are kept.
  public var containerLogMaxBytes: Int64 = 10 << 20
  public var containerLogMaxFiles: Int = 5
  /// Per cent of the images' disk: above the first, images that nobody needs are removed until the second (upstream:
  /// imageGCHighThresholdPercent, imageGCLowThresholdPercent).
  public var imageHighThreshold: Int = 85
  public var imageLowThreshold: Int = 80
  public var kubeletPort: Int = 10_250
  /// The Node's Lease in `kube-node-lease`.
  public var leaseEvery: Duration = .seconds(1)
  public var leaseDuration: Duration = .seconds(4)
  /// The Node's status, when nothing changed; changes are told at once.
  public var statusEvery: Duration = .seconds(10)
  /// False: no pod here is exclusive, whatever its annotations say, and no fence acts.
  public var fencesExclusivePods: Bool = true

  public init(
    hostName: HostName, center: CenterName, city: String, address: String, podCIDR: String, runtime: Runtime, rootDirectory: String
  ) {
    self.hostName = hostName
    self.center = center
    self.city = city
    self.address = address
    self.podCIDR = podCIDR
    self.runtime = runtime
    self.rootDirectory = rootDirectory
    self.logDirectory = "\(rootDirectory)/logs"
    self.cgroupRoot = "/tricenter/\(hostName)"
  }

  public static let version = "v1.36.0+tricenter"
}
