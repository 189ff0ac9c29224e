import Keyspace
import Primitives
import SiteLink

/// One member of the store, as all members know it.
public struct StoreMember: Hashable, Sendable {
  public enum Role: String, Hashable, Sendable { case voter, learner }
  public var id: MemberID
  /// Host name = Node name = member name.
  public var name: HostName
  public var center: CenterName
  /// What the center stands in; `citySafe` writes are safe in every city. Empty: not known.
  public var city: String
  public var role: Role
  /// Higher leads rather: production above local-dr above remote-dr.
  public var priority: Int
  /// Where its peers reach it.
  public var peerHost: String
  public var peerPort: Int
  /// Peers write its address with `http://`, as scripts for etcd do; they speak TLS all the same.
  public var hasPlainPeerURL: Bool = false
  /// Where etcd clients reach it.
  public var clientURL: String

  public init(
    id: MemberID, name: HostName, center: CenterName, city: String = "", role: Role = .voter, priority: Int = 0,
    peerHost: String = "127.0.0.1",
    peerPort: Int = 0, clientURL: String = ""
  ) {
    self.id = id
    self.name = name
    self.center = center
    self.city = city
    self.role = role
    self.priority = priority
    self.peerHost = peerHost
    self.peerPort = peerPort
    self.clientURL = clientURL
  }

  public var peerURL: String { PeerURL.text(host: peerHost, port: peerPort, isPlain: hasPlainPeerURL) }
  public var linkPeer: LinkPeer { LinkPeer(member: id, host: peerHost, port: peerPort, center: center, city: city, hostName: name) }
}

public struct StoreConfiguration: Sendable {
  public var memberID: MemberID
  public var clusterID: UInt64
  /// All members, this one among them; the same list on each. Once members change at run time, the replicated list takes its place.
  public var members: [StoreMember]
  public enum Start: Sendable {
    /// The members listed found the cluster together, or founded it.
    case bootstrap
    /// The cluster runs, and this member was added to it: see `joining`.
    case existing
  }
  public var start: Start = .bootstrap
  /// Learners that may be added at run time (etcd `--max-learners`).
  public var maxLearners: Int = 1
  /// Folder of this member's journal; made if it is not there.
  public var directory: String
  /// One step of consensus' clock; its timeouts are multiples (`RaftTiming`).
  public var tick: Duration = .milliseconds(25)
  /// A snapshot is taken after so many applied entries (etcd `--snapshot-count`).
  public var snapshotEntries: UInt64 = 10_000
  /// Entries kept in memory behind a snapshot, for members that are a little behind (etcd `--snapshot-catchup-entries`).
  public var catchUpEntries: UInt64 = 5_000
  /// A request without an answer for this long fails with `.timeout` or `.noLeader`.
  public var requestTimeout: Duration = .seconds(5)
  /// A leader whose disk has not finished a write for this long gives up the leadership.
  public var diskStallLimit: Duration = .seconds(1)
  /// History older than this is compacted away by the leader (etcd's periodic auto-compaction; what a kube-apiserver does every five
  /// minutes). nil: only on request. At least a second.
  public var historyRetention: Duration? = nil
  /// Of history, so many revisions are kept, looked at every five minutes (etcd `--auto-compaction-mode revision`). nil: no such limit.
  public var historyRevisions: Int64? = nil
  /// What of one request is taken; the same on every member.
  public var requestLimits = RequestLimits()
  /// A lease with more than this left is written down with what is left of it so often (etcd: five minutes), so that a new leader does not
  /// give all of its time again. At least a tick.
  public var leaseCheckpointInterval: Duration = .seconds(300)
  /// How far a write must have come before it is acknowledged, where neither the request nor the replicated settings
  /// (`Store.setDurability`) say it. Others than `.centerSafe` need members that say in which city they are.
  public var durability: Durability = .centerSafe
  /// An `auto` write waits so long for a city; then it and its successors go on without it until the city keeps up again.
  public var autoPatience: Duration = .milliseconds(500)
  /// A city that was given up and has kept up for so long is waited for again.
  public var cityRecovery: Duration = .seconds(1)
  /// Whether the leader takes the votes of a center that is gone. By hand unless it is said: both policies change what a majority means,
  /// and that is for the operator to know before the day comes.
  public var shrinkMode: ShrinkMode = .manual
  /// So long a center must have been silent before that.
  public var shrinkPatience: Duration = .seconds(10)
  /// What crosses between centers: how often, how small, how fast.
  public var wideArea = WideArea()
  /// Makes election timeouts and request ids: different at each start.
  public var seed: UInt64 = .random(in: .min ... .max)
  public var journalSegmentBytes: Int = 16 << 20
  /// Keys and values stay in memory up to here; values beyond go to files without a name in the member's folder, which the kernel caches.
  /// nil: all
  /// values stay in memory.
  public var valueMemoryBytes: Int? = 256 << 20

  public init(memberID: MemberID, clusterID: UInt64, members: [StoreMember], directory: String) {
    self.memberID = memberID
    self.clusterID = clusterID
    self.members = members
    self.directory = directory
  }

  public var member: StoreMember? { members.first { $0.id == memberID } }

  /// Throws `.invalidConfiguration` with the reason.
  func check() throws(StoreError) {
    guard member != nil else {
      throw StoreError(.invalidConfiguration, "member \(memberID) is not in its own list of members: \(members.map(\.name.value))")
    }
    let names: [HostName] = members.map(\.name).filter { !$0.value.isEmpty }
    guard Set(members.map(\.id)).count == members.count, Set(names).count == names.count else {
      throw StoreError(.invalidConfiguration, "two members share an id or a name: \(members.map { "\($0.name)=\($0.id)" })")
    }
    guard members.allSatisfy({ $0.id.value != 0 }), members.contains(where: { $0.role == .voter }) else {
      throw StoreError(.invalidConfiguration, "a store needs a voter, and 0 is no member id")
    }
    guard durability == .centerSafe || members.contains(where: { !$0.city.isEmpty }) else {
      throw StoreError(.invalidConfiguration, "durability \(durability.name) needs members that say in which city they are")
    }
    guard autoPatience >= tick, cityRecovery >= tick, autoPatience < requestTimeout else {
      throw StoreError(
        .invalidConfiguration,
        "auto waits \(autoPatience), must be a tick (\(tick)) or more and below the request timeout (\(requestTimeout))")
    }
    guard shrinkPatience >= StoreLimits.presence else {
      throw StoreError(.invalidConfiguration, "a center counts as gone after \(StoreLimits.presence) at least, not after \(shrinkPatience)")
    }
    guard (1...KeyspaceLimits.requestBytesCeiling).contains(requestLimits.bytes),
      (1...KeyspaceLimits.transactionOperationsCeiling).contains(requestLimits.operations), historyRevisions ?? 1 > 0
    else {
      throw StoreError(
        .invalidConfiguration,
        "requests of \(requestLimits.bytes) bytes and \(requestLimits.operations) operations, history of \(historyRevisions ?? 0) revisions: "
          + "more than \(KeyspaceLimits.requestBytesCeiling) bytes or \(KeyspaceLimits.transactionOperationsCeiling) operations, or less than 1"
      )
    }
    guard tick >= .milliseconds(1), requestTimeout > tick, snapshotEntries > 0, historyRetention ?? .seconds(1) >= .seconds(1),
      leaseCheckpointInterval >= tick
    else {
      throw StoreError(
        .invalidConfiguration, "tick \(tick), request timeout \(requestTimeout), snapshot after \(snapshotEntries): impossible")
    }
  }
}
