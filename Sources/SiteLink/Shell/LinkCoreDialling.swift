import Logging
import NIOCore
import NIOPosix
import Primitives
import TLS

/// Our connections, on which we send: one per peer, made again for as long as the peer is one.
extension LinkCore {
  func dial(_ link: PeerLink) {
    guard !stopped, !link.isRemoved else { return }
    link.attempt += 1
    let attempt: Int = link.attempt
    let bound = NIOLoopBound((core: self, link: link), eventLoop: loop)
    let bootstrap = ClientBootstrap(group: loop)
      .connectTimeout(.nanoseconds(limits.connectTimeout.inNanoseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let (core, link) = bound.value
          link.opening = channel
          let handler: TLSHandler = core.handler(of: link.peer)
          try channel.pipeline.syncOperations.addHandlers([handler, DialledHandler(core, link, attempt: attempt)])
        }
      }
    let connecting: EventLoopFuture<any Channel>
    let options: ClientBootstrap = SocketTuning.apply(to: bootstrap, silence: limits.silence, distance: link.distance)
    if let address = try? SocketAddress(ipAddress: link.peer.host, port: link.peer.port) {
      connecting = options.connect(to: address)
    } else {
      // By name: the resolver has a thread of its own.
      connecting = options.connect(host: link.peer.host, port: link.peer.port)
    }
    connecting.whenFailure { error in
      let (core, link) = bound.value
      core.dialledConnectionEnded(
        link, attempt: attempt,
        LinkError(
          .cannotConnect, "Cannot connect to member \(link.peer.member) at \(link.peer.host):\(link.peer.port): \(error)", cause: error))
    }
  }

  private func handler(of peer: LinkPeer) -> TLSHandler {
    peer.hostName.value.isEmpty
      ? tls.dialling(peer.host) : tls.dialling(peer.host, center: peer.center.value, host: peer.hostName.value)
  }

  func welcomed(_ link: PeerLink, attempt: Int, _ channel: any Channel, _ features: LinkFeatures) {
    guard attempt == link.attempt, !link.isRemoved, !stopped else { return channel.close(promise: nil) }
    link.opening = nil
    link.dialled = channel
    link.lastPong = clock.now()
    link.lastError = nil
    logger.info("link is up", metadata: ["peer": "\(link.peer.hostName)", "center": "\(link.peer.center)"])
    link.resetPacer()
    link.isCompressed = features.contains(.compressedChunks) && limits.compression.applies(at: link.distance)
    channel.writeAndFlush(ping(link, link.lastPong), promise: nil)
    publish()
    linkChanged(link.peer.member, true)
  }

  func ponged(_ link: PeerLink, attempt: Int, _ token: UInt64) {
    guard attempt == link.attempt, link.dialled != nil else { return }
    let now: MonotonicTime = clock.now()
    link.lastPong = now
    let roundTrip: Duration = .nanoseconds(max(0, now.nanoseconds - Int64(bitPattern: token)))
    link.rttMicroseconds = roundTrip.inNanoseconds / 1000
    link.backoff.reset()
    link.pacer.onPong(token, roundTrip: roundTrip, now: now)
    link.entryPacer?.onPong(token, roundTrip: roundTrip, now: now)
    if !link.queue.isEmpty { drain(link) }
  }

  /// Connecting failed or the connection is gone. Only the first report of the latest attempt counts.
  func dialledConnectionEnded(_ link: PeerLink, attempt: Int, _ error: (any Error)?) {
    guard attempt == link.attempt else { return }
    link.opening = nil
    if let error, !stopped, !link.isRemoved { failed(link, error) }
    let stood: Bool = link.dialled != nil
    down(link)
    if stood { endedByPeer(link, ours: true) }
    redial(link)
  }

  func down(_ link: PeerLink) {
    // Events of the connection that ends here are of the past.
    link.attempt += 1
    link.queue.removeAll()
    link.rttMicroseconds = nil
    guard let channel: any Channel = link.dialled else { return }
    link.dialled = nil
    channel.close(promise: nil)
    logger.info("link is down", metadata: ["peer": "\(link.peer.hostName)", "reason": "\(link.lastError ?? "closed")"])
    publish()
    linkChanged(link.peer.member, false)
  }

  func redial(_ link: PeerLink) {
    guard !stopped, !link.isRemoved else { return }
    link.retry?.cancel()
    link.retry = later(link.backoff.next()) { [weak self, weak link] in
      if let self, let link { self.dial(link) }
    }
  }
}
