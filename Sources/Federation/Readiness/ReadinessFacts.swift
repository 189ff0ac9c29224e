import KubeModel
import Primitives

/// What one host says in its Vantage, and how long ago it was received, on the receiver's monotonic clock.
public struct HeardVantage: Sendable {
  public var object: KubeObject
  public var heardAgo: Duration
  public init(_ object: KubeObject, heardAgo: Duration) {
    self.object = object
    self.heardAgo = heardAgo
  }

  public var spec: JSONValue { object.spec }
  public var center: CenterName? { spec["center"].string.map { CenterName($0) } }
  public var isHost: Bool { spec["kind"].string == "host" }
  /// An old report says what was.
  public var isFresh: Bool { heardAgo <= .milliseconds(max(1_000, spec["intervalMilliseconds"].int ?? 0)) * VantageLimits.missedReports }
}

/// Everything that the rules of readiness look at. What is not known is not there, and the rules say so.
public struct ReadinessFacts: Sendable {
  public var cluster: String
  public var order: [CenterName]
  /// As the site file has them.
  public var hosts: [CenterName: [HostName]]
  public var active: CenterName?
  public var nodes: [KubeObject] = []
  public var pods: [KubeObject] = []
  public var centers: [KubeObject] = []
  public var gates: [KubeObject] = []
  public var drills: [KubeObject] = []
  public var vantages: [HeardVantage] = []
  public var now: WallTime
  /// The only namespace that is to move.
  private var moving: String?

  public init(cluster: String, order: [CenterName], hosts: [CenterName: [HostName]], active: CenterName?, now: WallTime) {
    self.cluster = cluster
    self.order = order
    self.hosts = hosts
    self.active = active
    self.now = now
  }

  /// Where one namespace moves, its pods and what the target carries already are all that is to be carried.
  func of(_ namespace: String?) -> ReadinessFacts {
    guard let namespace else { return self }
    var facts: ReadinessFacts = self
    facts.moving = namespace
    return facts
  }

  func nodes(of center: CenterName) -> [KubeObject] {
    nodes.filter { $0.labels[FederationNames.centerLabel] == center.value }.sorted { $0.name < $1.name }
  }
  func readyNodes(of center: CenterName) -> [KubeObject] {
    nodes(of: center).filter { Capacity.isReady($0) }
  }
  /// Pods that a center has to carry once it is active, or has the namespace that moves.
  func carriedPods(in center: CenterName) -> [KubeObject] {
    let all: [KubeObject] = pods.filter { !["Succeeded", "Failed"].contains($0.status["phase"].string ?? "") && !$0.isBeingDeleted }
    guard let moving else { return all }
    let own: Set<String> = Set(nodes(of: center).map(\.name))
    return all.filter { pod in
      if let node: String = pod.spec["nodeName"].string, own.contains(node) { return true }
      return pod.namespace == moving && !WorkloadTier(pod).isEverywhere
    }
  }
  func vantage(of host: HostName) -> HeardVantage? { vantages.first { $0.isHost && $0.object.name == host.value } }
  /// The store's members as its leader knows them, by whoever told it last.
  var storeMembers: [JSONValue]? {
    let told: [HeardVantage] = vantages.filter { $0.isFresh && !$0.spec["store"]["members"].array.isEmpty }
    // The leader's own word is the newest; a follower's is at most a report old.
    let best: HeardVantage? =
      told.first { $0.spec["store"]["role"].string == "leader" } ?? told.min { $0.heardAgo < $1.heardAgo }
    return best?.spec["store"]["members"].array
  }
}
