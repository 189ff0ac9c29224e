import Primitives

/// A federation as its site file describes it: cities, centers, hosts, clusters. Made by `SiteReader`, which also checks it.
public struct Site: Sendable {
  /// Also the name in every certificate's URI and the seed of the store's cluster id.
  public var federation: String
  /// Global names end in `<cluster>.<zone>`.
  public var zone: String
  public var cities: [String]
  public var centers: [Center]
  public var links: [Link]
  public var clusters: [ClusterPlan]
  public var ports: Ports
  public var activation: ActivationPolicy
  public var store = StorePolicy()
  /// Probes of the data path on the branch side, which have a vote when the federation would take over by itself.
  public var vantages: [VantagePlan] = []
  public var lab: LabPlan?
  /// How a runbook's commands reach a host: the words before theirs, with `{host}` and `{address}` for the host's. Empty: they do not.
  public var hostCommand: [String] = []

  public var hosts: [Host] { centers.flatMap(\.hosts) }
  public var voters: [Host] { hosts.filter(\.voter) }
  public func center(_ name: CenterName) -> Center? { centers.first { $0.name == name } }
  public func center(of host: HostName) -> Center? { centers.first { $0.hosts.contains { $0.name == host } } }
  public func host(_ name: HostName) -> Host? { hosts.first { $0.name == name } }
  /// Expected round trip between two centers; nil within a center or where the file says nothing.
  public func roundTrip(_ one: CenterName, _ other: CenterName) -> Duration? {
    links.first { Set($0.between) == [one, other] }?.roundTrip
  }
}

public struct Center: Sendable {
  public var name: CenterName
  public var role: CenterRole
  public var city: String
  /// Every host of the center has its address here.
  public var network: IPRange
  public var hosts: [Host]
}

public struct Host: Sendable {
  public var name: HostName
  public var address: IPAddress
  /// Votes in the store; otherwise the host runs a learner.
  public var voter: Bool
  /// Addresses of the pods that run here.
  public var pods: IPRange
}

public struct Link: Sendable {
  public var between: [CenterName]
  public var roundTrip: Duration
}

/// One Kubernetes cluster.
public struct ClusterPlan: Sendable {
  public var name: String
  public var services: IPRange
  /// DNS domain of Services, `cluster.local` unless said otherwise.
  public var domain: String
  public var nodePorts: ClosedRange<Int>
  /// Who is active first, second, third.
  public var order: [CenterName]
  /// Centers that may take over without a person's decision.
  public var automaticTo: [CenterName]
}

/// The lease of `design.md` §4.
public struct ActivationPolicy: Sendable {
  public var lease: Duration = .seconds(3)
  public var renewEvery: Duration = .milliseconds(250)
  /// What a center leaves unused of the lease, for clocks that run at different rates and for the time that fencing takes.
  public var margin: Duration = .milliseconds(500)
}

/// What the store does by itself when a center is gone.
public struct StorePolicy: Sendable {
  public enum Shrinking: String, Sendable, CaseIterable {
    /// Nothing: a person takes the center's votes.
    case manual
    /// Its votes are taken as soon as the others then survive another fault.
    case latency
    /// The same, but only where every majority still spans two centers.
    case durable
  }
  public var shrink: Shrinking = .manual
  /// A center is gone when it was silent for so long.
  public var shrinkAfter: Duration = .seconds(10)

  /// Where entries that several members of one place need cross once, and are handed on there.
  public enum Relaying: String, Sendable, CaseIterable { case centers, cities, never }
  public var relay: Relaying = .centers
  /// Which links between members compress.
  public enum Compressing: String, Sendable, CaseIterable { case far, always, never }
  public var compression: Compressing = .far
  /// Bytes of snapshots per second and receiving member, by how far it is; 0: as fast as everything else leaves room for.
  public var snapshotRates: (sameCenter: Int, sameCity: Int, far: Int) = (0, 200 << 20, 50 << 20)

  public init() {}

  /// `0`, `200MiB` or `512KiB` per second; nil: none of these, or more than a TiB.
  public static func rate(_ text: String) -> Int? {
    if text == "0" { return 0 }
    for (unit, shift) in [("KiB", 10), ("MiB", 20), ("GiB", 30)] where text.hasSuffix(unit) {
      guard let count = Int(text.dropLast(3)), (1...(1 << 40) >> shift).contains(count) else { return nil }
      return count << shift
    }
    return nil
  }
}

public struct Ports: Sendable {
  public var client: Int = 2379
  public var peer: Int = 2380
  public var apiserver: Int = 6443
  public var kubelet: Int = 10250
  public var dns: Int = 53
  public var admin: Int = 9090
  /// Role URLs for load balancers and the other centers' vantages.
  public var role: Int = 8008
}

/// A place outside all centers where clients are: `tricenter vantage` runs there.
public struct VantagePlan: Sendable {
  public struct Probe: Sendable {
    public var center: CenterName
    /// `http://HOST:PORT/PATH` or https, of a workload that runs in the active center only: a hot one goes on answering.
    public var url: String
  }
  public var name: String
  public var cluster: String
  public var probes: [Probe]
}

/// Only for `tricenter lab`: what one machine needs to play the federation.
public struct LabPlan: Sendable {
  public struct Branch: Sendable {
    public var name: HostName
    public var network: IPRange
    public var address: IPAddress
  }
  /// The host outside all centers where clients live.
  public var branch: Branch
  /// True in the fallback without network namespaces: hosts are loopback addresses.
  public var loopback: Bool
}
