import Consensus
import EtcdAPI
import Keyspace
import Logging
import NIOCore
import Primitives
import Site
import SiteLink
import Store
import TLS

/// What a store member's flags come to.
struct StorePlan: Sendable {
  let name: HostName
  let listenClient: [EndpointURL]
  let listenMetrics: [EndpointURL]
  let options: EtcdOptions
  /// nil: a member alone, which nobody can be added to.
  private let peers: PeerPlan?
  private let isJoining: Bool
  private let members: [StoreMember]
  private let configuration: StoreConfiguration
  private let timing: RaftTiming
  private let client: ClientTLSPlan

  /// Throws a sentence that names the flag.
  init(_ flags: EtcdFlags) throws {
    name = HostName(flags["name"])
    listenClient = try flags.urls("listen-client-urls")
    listenMetrics = try flags.urls("listen-metrics-urls")
    guard !listenClient.isEmpty else { throw ValidationFault("--listen-client-urls names no URL") }
    client = try ClientTLSPlan(flags, isNeeded: (listenClient + listenMetrics).contains(where: \.isSecure))
    guard ["new", "existing"].contains(flags["initial-cluster-state"]) else {
      throw ValidationFault("--initial-cluster-state=\(flags["initial-cluster-state"]) is neither new nor existing")
    }
    options = try Self.options(flags)
    let listed: [(name: String, url: EndpointURL)] = try Self.initialCluster(flags)
    isJoining = flags["initial-cluster-state"] == "existing"
    peers = try PeerPlan(flags, isNeeded: listed.count > 1 || isJoining)
    members = try Self.members(flags, listed, center: peers?.center)
    let token: String = flags["initial-cluster-token"]
    var configuration = StoreConfiguration(
      memberID: StoreIdentity.memberID(federation: token, host: name), clusterID: StoreIdentity.clusterID(federation: token),
      members: members, directory: Self.folder(flags))
    configuration.snapshotEntries = UInt64(try flags.number("snapshot-count", 1...100_000_000))
    configuration.catchUpEntries = UInt64(try flags.number("snapshot-catchup-entries", 1...100_000_000))
    configuration.maxLearners = try flags.number("max-learners", 1...64)
    switch try flags.retention() {
    case .time(let retention): configuration.historyRetention = retention
    case .revisions(let count): configuration.historyRevisions = count
    case nil: break
    }
    // The store itself never takes less than it does anyway: users and settings go the same way.
    configuration.requestLimits.bytes = max(options.maxRequestBytes, configuration.requestLimits.bytes)
    configuration.requestLimits.operations = max(options.maxTransactionOperations, configuration.requestLimits.operations)
    configuration.wideArea = try WideArea(flags, flags["site"].isEmpty ? nil : try SiteReader.read(path: flags["site"]))
    (configuration.tick, timing) = try Self.timing(flags)
    self.configuration = configuration
  }

  static func folder(_ flags: EtcdFlags) -> String { flags["data-dir"].isEmpty ? "\(flags["name"]).etcd" : flags["data-dir"] }

  /// The members that the flags list, with the ids that follow from their names and the cluster's token.
  /// - Parameter center: where all of them are if no site file says it.
  static func members(_ flags: EtcdFlags, _ listed: [(name: String, url: EndpointURL)], center: CenterName?) throws -> [StoreMember] {
    let places: [HostName: (center: CenterName, city: String)] = try places(flags, listed.map(\.name), center: center)
    let advertised: String = flags["advertise-client-urls"].split(separator: ",").first.map(String.init) ?? ""
    return listed.map { entry in
      let host = HostName(entry.name)
      var member = StoreMember(
        id: StoreIdentity.memberID(federation: flags["initial-cluster-token"], host: host), name: host,
        center: places[host]?.center ?? "default", city: places[host]?.city ?? "", peerHost: entry.url.host, peerPort: entry.url.port,
        clientURL: entry.name == flags["name"] ? advertised : "")
      member.hasPlainPeerURL = !entry.url.isSecure
      return member
    }
  }

  private static func options(_ flags: EtcdFlags) throws -> EtcdOptions {
    var options = EtcdOptions()
    options.quotaBackendBytes = Int64(try flags.number("quota-backend-bytes", -1...(1 << 50)))
    options.maxRequestBytes = try flags.number("max-request-bytes", 1...KeyspaceLimits.requestBytesCeiling)
    options.maxTransactionOperations = try flags.number("max-txn-ops", 1...KeyspaceLimits.transactionOperationsCeiling)
    options.watchProgressInterval = try flags.duration("watch-progress-notify-interval")
    let lifetime: Duration = .seconds(try flags.number("auth-token-ttl", 1...86_400))
    do { options.tokens = try EtcdTokens(flag: flags["auth-token"], simpleLifetime: lifetime) } catch {
      let sentence: String = sentence(of: error)
      throw ValidationFault(sentence.contains("--auth-token") ? sentence : "--auth-token=\(flags["auth-token"]): \(sentence)")
    }
    options.certificateUsers = try flags.isOn("client-cert-auth")
    return options
  }

  /// Our own where nothing is said: they suit centers 2 ms and 30 ms apart. What is said is obeyed, a tick being half a heartbeat.
  private static func timing(_ flags: EtcdFlags) throws -> (Duration, RaftTiming) {
    var timing = RaftTiming()
    guard flags.isGiven("heartbeat-interval") || flags.isGiven("election-timeout") else { return (.milliseconds(25), timing) }
    let heartbeat: Int = try flags.number("heartbeat-interval", 10...10_000)
    let election: Int = try flags.number("election-timeout", 50...50_000)
    guard election >= heartbeat * 5 else {
      throw ValidationFault("--election-timeout[\(election)ms] should be at least as 5 times as --heartbeat-interval[\(heartbeat)ms]")
    }
    timing.electionTicks = election / (heartbeat / 2)
    timing.snapshotTicks = max(timing.snapshotTicks, timing.electionTicks * 2)
    return (.milliseconds(heartbeat / 2), timing)
  }

  static func initialCluster(_ flags: EtcdFlags) throws -> [(name: String, url: EndpointURL)] {
    let own: String = flags["name"]
    let text: String = flags["initial-cluster"].isEmpty ? "\(own)=\(flags["initial-advertise-peer-urls"])" : flags["initial-cluster"]
    var members: [(name: String, url: EndpointURL)] = []
    for entry in text.split(separator: ",") {
      let parts: [Substring] = entry.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let url = EndpointURL(String(parts[1])) else {
        throw ValidationFault("--initial-cluster: \(entry) is not NAME=URL")
      }
      // More than one URL of a member: the first is used.
      if !members.contains(where: { $0.name == parts[0] }) { members.append((String(parts[0]), url)) }
    }
    guard members.contains(where: { $0.name == own }) else {
      throw ValidationFault("couldn't find local name \"\(own)\" in the initial cluster configuration --initial-cluster=\(text)")
    }
    return members
  }

  private static func places(
    _ flags: EtcdFlags, _ names: [String], center: CenterName?
  ) throws -> [HostName: (center: CenterName, city: String)] {
    guard !flags["site"].isEmpty else {
      return center.map { center in Dictionary(uniqueKeysWithValues: names.map { (HostName($0), (center, "")) }) } ?? [:]
    }
    let site: Site = try SiteReader.read(path: flags["site"])
    return try names.reduce(into: [:]) { places, name in
      guard let center: Center = site.center(of: HostName(name)) else {
        throw ValidationFault("\(flags["site"]) has no host \(name), which --initial-cluster names")
      }
      places[HostName(name)] = (center.name, center.city)
    }
  }

  /// What an operator should know about who can be a member.
  var remarks: [(level: Logger.Level, text: String)] { peers?.remarks ?? [] }

  /// A folder that knows who it is has the last word, as etcd passes `--initial-…` over once there is data: it was joined or restored.
  /// Without one, `--initial-cluster-state existing` asks the other members.
  func store(_ loop: any EventLoop) async throws -> Store {
    guard let own: StoreMember = configuration.member else { preconditionFailure("checked by initialCluster") }
    let folder: String = configuration.directory
    let remembered: StoreConfiguration? = try StoreConfiguration.remembered(own, directory: folder)
    guard let peers else { return try Store(single: complete(remembered), eventLoop: loop, timing: timing) }
    let tls: LinkTLS = try peers.tls(own)
    var known: StoreConfiguration? = remembered
    if known == nil, isJoining, !StoreConfiguration.holdsMember(folder) {
      let seeds: [(host: String, port: Int)] = members.filter { $0.id != own.id }.map { ($0.peerHost, $0.peerPort) }
      guard !seeds.isEmpty else {
        throw ValidationFault(
          "--initial-cluster-state=existing needs the other members in --initial-cluster: they are asked who this one is")
      }
      known = try await .joining(own, seeds: seeds, tls: tls, directory: folder, eventLoop: loop)
    }
    return try Store(
      configuration: complete(known), eventLoop: loop, tls: tls, bind: (peers.listen.host, peers.listen.port), timing: timing)
  }

  /// Who is in which cluster as the folder says, everything else as the flags say it.
  private func complete(_ known: StoreConfiguration?) -> StoreConfiguration {
    guard let known else { return configuration }
    var complete: StoreConfiguration = configuration
    (complete.memberID, complete.clusterID, complete.start) = (known.memberID, known.clusterID, known.start)
    complete.members = known.members.map { member in
      // A snapshot does not know where the members of the cluster that it begins are.
      guard let listed: StoreMember = members.first(where: { $0.name == member.name }) else { return member }
      var member: StoreMember = member
      (member.center, member.city) = (listed.center, listed.city)
      return member
    }
    return complete
  }

  func clientTLS() throws -> TLSContext? { try client.context(hosts: listenClient.map(\.host)) }
}
