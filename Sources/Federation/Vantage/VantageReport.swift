import KubeModel
import Primitives
import Store

/// What a host tells of itself besides what it sees.
public struct HostReports: Sendable {
  public struct Certificate: Hashable, Sendable {
    public var name: String
    public var notAfter: WallTime
    public init(name: String, notAfter: WallTime) {
      self.name = name
      self.notAfter = notAfter
    }
  }
  public var certificates: @Sendable () async -> [Certificate]
  /// Whether the host's name server answers, and what it said.
  public var dns: @Sendable () async -> (answered: Bool, detail: String)?
  public var store: @Sendable () -> StoreStatus?
  /// Takes the store's votes of a center back into it; nil where the store is another process.
  public var regrow: (@Sendable (CenterName) async throws -> Void)?

  public init(
    certificates: @escaping @Sendable () async -> [Certificate] = { [] },
    dns: @escaping @Sendable () async -> (answered: Bool, detail: String)? = { nil },
    store: @escaping @Sendable () -> StoreStatus? = { nil }, regrow: (@Sendable (CenterName) async throws -> Void)? = nil
  ) {
    self.certificates = certificates
    self.dns = dns
    self.store = store
    self.regrow = regrow
  }
}

/// A Vantage object's content. Two reports that differ only in times and amounts say the same (`isNews`).
public struct VantageReport: Sendable {
  public var name: String
  public var cluster: String
  /// Nil: a probe on the branch side.
  public var center: CenterName?
  public var sees: [JSONValue] = []
  public var certificates: [HostReports.Certificate] = []
  public var dns: (answered: Bool, detail: String)?
  public var store: JSONValue = .null

  public init(name: String, cluster: String, center: CenterName?) {
    self.name = name
    self.cluster = cluster
    self.center = center
  }

  /// A probe on the branch side says so more often: its word may hold a takeover back, so an old one must not.
  public var interval: Duration { center == nil ? VantageLimits.branchReportEvery : VantageLimits.reportEvery }

  /// Of a host every center that it watches; of a probe on the branch side those that have served it since it began, since where nothing
  /// was ever served nothing is missing.
  public mutating func look(_ board: ProbeBoard, _ now: MonotonicTime) {
    guard board.knows(now) else { return }
    sees = board.centers.filter { center != nil || board.hasServed($0) }.map { center in
      [
        "center": .string(center.value), "reachable": .bool(board.isReachable(center, now)),
        "serving": .bool(board.isServing(center, now)), "detail": .string(board.detail(center)),
      ]
    }
  }

  /// What another reader would decide otherwise by.
  public var gist: [String] {
    sees.map { "\($0["center"].string ?? "") \($0["reachable"].bool == true) \($0["serving"].bool == true)" }
      + [dns.map { "\($0.answered)" } ?? ""] + store["members"].array.map(Self.gist)
  }

  /// Whether a store member is silent or far behind, not by how much.
  private static func gist(_ member: JSONValue) -> String {
    let isSilent: Bool = (member["silentMilliseconds"].int ?? 0) >= ReadinessLimits.silentMember.inNanoseconds / 1_000_000
    let isBehind: Bool =
      (member["lagMilliseconds"].int ?? 0) > ReadinessLimits.lag.inNanoseconds / 1_000_000
      || (member["lagEntries"].int ?? 0) > ReadinessLimits.lagEntries
    return "\(member["name"].string ?? "") \(isSilent) \(isBehind)"
  }

  public func object(now: WallTime) -> KubeObject {
    var spec: JSONValue = [
      "cluster": .string(cluster), "kind": .string(center == nil ? "branch" : "host"), "observedAt": .string(now.rfc3339Micro),
      "intervalMilliseconds": .int(interval.inNanoseconds / 1_000_000), "sees": .array(sees),
    ]
    if let center { spec["center"] = .string(center.value) }
    if !certificates.isEmpty {
      spec["certificates"] = .array(
        certificates.map { ["name": .string($0.name), "notAfter": .string($0.notAfter.rfc3339)] })
    }
    if let dns { spec["dns"] = ["answered": .bool(dns.answered), "detail": .string(dns.detail)] }
    if !store.isNull { spec["store"] = store }
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Vantage", "metadata": ["name": .string(name)], "spec": spec,
    ])
  }

  public static func store(_ status: StoreStatus) -> JSONValue {
    let role: String = status.isLeader ? "leader" : status.leader == nil ? "candidate" : status.isLearner ? "learner" : "follower"
    let peers: [JSONValue] = status.peers.map { peer in
      [
        "name": .string(peer.name.value), "center": .string(peer.center.value), "voter": .bool(peer.isVoter),
        "lagEntries": .int(Int64(clamping: peer.lagEntries)), "lagMilliseconds": .int(Int64(peer.lagSeconds * 1_000)),
        "silentMilliseconds": .int(Int64(peer.silentSeconds * 1_000)),
      ]
    }
    // Peers are all but the leader, which is never behind itself.
    let leaders: [JSONValue] = status.members.filter { $0.id == status.leader }.map { member in
      [
        "name": .string(member.name.value), "center": .string(member.center.value), "voter": true, "lagEntries": 0, "lagMilliseconds": 0,
        "silentMilliseconds": 0,
      ]
    }
    var json: JSONValue = ["role": .string(role), "revision": .int(status.revision)]
    if let leader = status.members.first(where: { $0.id == status.leader }) { json["leader"] = .string(leader.name.value) }
    if !leaders.isEmpty, !peers.isEmpty { json["members"] = .array(leaders + peers) }
    return json
  }
}
