import Logging
import NIOCore
import NIOPosix
import Primitives
import TLS

/// The peers' connections, on which they send. Nothing that a stranger does here reaches the members.
extension LinkCore {
  func listen(host: String, port: Int) -> EventLoopFuture<any Channel> {
    let bound = NIOLoopBound(self, eventLoop: loop)
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 128)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try bound.value.prepare(channel) }
      }
    return SocketTuning.apply(to: bootstrap, silence: limits.silence).bind(host: host, port: port)
  }

  private func prepare(_ channel: any Channel) throws {
    let address: String = channel.remoteAddress?.ipAddress ?? "unknown"
    let all: Int = halfOpen.values.reduce(0, +)
    guard !stopped, all < limits.halfOpenConnections, halfOpen[address, default: 0] < limits.halfOpenPerAddress else {
      if refusals.isNew(address, "half-open", at: clock.now()) {
        logger.warning(
          "connections that do not say who they are reach their limit; more are closed at once",
          metadata: ["peer": "\(address)", "halfOpen": "\(all)"])
      }
      // The bootstrap closes the channel.
      throw LinkError(.silent, "Too many half-open connections.")
    }
    try channel.pipeline.syncOperations.addHandlers([tls.accepting(), AcceptedHandler(self, address: address)])
  }

  func leftHalfOpen(_ address: String) {
    let left: Int = halfOpen[address, default: 1] - 1
    halfOpen[address] = left > 0 ? left : nil
  }

  /// Whether the one who said hello is who its certificate says, and belongs here.
  func judge(_ hello: Hello, _ identity: PeerIdentity?) throws(LinkError) -> PeerLink {
    let process: IdentityURI? = identity?.process
    guard process != nil || tls.trustsAuthority else { throw LinkError(.wrongCertificate, "The certificate names no process.") }
    let host = "member \(hello.from) on \(process?.host ?? "a host that its certificate does not name")"
    guard hello.clusterID == clusterID else {
      throw LinkError(
        .wrongCluster,
        "\(host) belongs to cluster \(String(hello.clusterID, radix: 16)); this is cluster \(String(clusterID, radix: 16)). Do not mix data directories of different clusters."
      )
    }
    guard hello.to == local.member else {
      throw LinkError(
        .wrongMember, "\(host) dialled member \(hello.to), but this is member \(local.member): its list of members is not ours.")
    }
    // Also while connections of before are kept for it to hear of its removal.
    if removedMembers.contains(hello.from) {
      throw LinkError(.removed, "\(host) was removed from this cluster for good; it may come back as a new member with an empty folder.")
    }
    guard let link: PeerLink = peers[hello.from] else {
      throw LinkError(.wrongMember, "\(host) is not a member of this cluster.")
    }
    if let process { try judgeHost(hello, process, link) }
    switch EpochMeeting(caller: hello.epoch, own: epoch) {
    case .same: return link
    case .callerIsAhead:
      throw LinkError(
        .wrongMember,
        "\(host) is of epoch \(hello.epoch.number) of the cluster, this member of \(epoch.number): it has not heard of it yet.")
    case .callerIsBehind:
      throw LinkError(
        .superseded,
        "\(host) is of epoch \(hello.epoch.number) of the cluster, which is at \(epoch.number): survivors went on without it, and it must rejoin."
      )
    case .strangers:
      throw LinkError(
        .twoClusters,
        "\(host) and this member are of two clusters that both call themselves epoch \(epoch.number): survivors were recovered twice. "
          + "Decide which goes on; of the other save a snapshot, stop its members, move their folders aside and start them again."
      )
    }
  }

  private func judgeHost(_ hello: Hello, _ process: IdentityURI, _ link: PeerLink) throws(LinkError) {
    if link.peer.hostName.value.isEmpty {
      let others: [LinkPeer] = peers.values.map(\.peer) + [local]
      guard !others.contains(where: { $0.hostName.value == process.host && $0.member != hello.from }) else {
        throw LinkError(.wrongCertificate, "\(process.host) says hello as member \(hello.from), but another member lives there.")
      }
      return
    }
    guard process.host == link.peer.hostName.value, process.center == link.peer.center.value else {
      throw LinkError(
        .wrongCertificate,
        "The certificate of \(process.host) in \(process.center) says hello as member \(hello.from), which is \(link.peer.hostName) in \(link.peer.center)."
      )
    }
  }

  /// The newest connection of a peer is the one that counts: after a cut the old one may stand half open for a while.
  func accepted(_ link: PeerLink, _ channel: any Channel) {
    let old: (any Channel)? = link.accepted
    link.accepted = channel
    old?.close(promise: nil)
    publish()
  }

  func acceptedConnectionEnded(_ link: PeerLink, _ channel: any Channel) {
    guard link.accepted === channel else { return }
    link.accepted = nil
    publish()
    endedByPeer(link, ours: false)
  }

  func refused(_ address: SocketAddress?, _ error: any Error) {
    let sentence: String = Self.sentence(error)
    let address: String = address?.ipAddress ?? "unknown"
    if refusals.isNew(address, sentence, at: clock.now()) {
      logger.warning("connection refused: \(sentence)", metadata: ["peer": "\(address)"])
    }
  }
}
