import Logging
import NIOCore
import Primitives
import TLS

/// All state of a link, on its event loop: peers, connections, timers. The files `LinkCore…` hold what happens at each event.
final class LinkCore {
  let local: LinkPeer
  let clusterID: UInt64
  let tls: LinkTLS
  let loop: any EventLoop
  let limits: LinkLimits
  let logger: Logger
  let receive: @Sendable (MemberID, ByteBuffer) -> Void
  let linkChanged: @Sendable (MemberID, Bool) -> Void
  let gone: @Sendable (MemberID) -> Void
  let removed: @Sendable (String) -> Void
  let introduction: @Sendable () -> Bytes
  let proof: @Sendable () -> Bytes
  let superseded: @Sendable (Bytes) -> Void
  let command: @Sendable (Bytes, LinkCaller, @escaping @Sendable (Bytes) -> Void) -> Void
  private let epochCell: EpochCell
  let board: StatusBoard
  let refusals = RefusalLog()
  let clock = SystemClock()
  /// One for all peers: chunks are compressed each for itself.
  lazy var compressor = Compressor()

  var peers: [MemberID: PeerLink] = [:]
  /// Whoever of them dials is told so.
  var removedMembers: Set<MemberID> = []
  var listener: (any Channel)?
  /// Accepted connections without hello, by address.
  var halfOpen: [String: Int] = [:]
  var stopped: Bool = false
  var dirty: [PeerLink] = []
  var flushIsScheduled: Bool = false
  var seeds: SeededRandom
  var timer: Scheduled<Void>?
  var lastTick: MonotonicTime

  init(_ link: SiteLink, seed: UInt64) {
    local = link.local
    clusterID = link.clusterID
    tls = link.tls
    loop = link.eventLoop
    limits = link.limits
    logger = link.logger
    receive = link.receive
    linkChanged = link.linkChanged
    gone = link.gone
    removed = link.removed
    introduction = link.introduction
    proof = link.proof
    superseded = link.superseded
    command = link.command
    epochCell = link.epoch
    board = link.board
    seeds = SeededRandom(seed: seed)
    lastTick = SystemClock().now()
  }

  func later(_ wait: Duration, _ body: @escaping () -> Void) -> Scheduled<Void> {
    loop.assumeIsolated().scheduleTask(in: .nanoseconds(wait.inNanoseconds), body)
  }

  // MARK: Peers

  func setPeers(_ wanted: [LinkPeer]) {
    guard !stopped else { return }
    let wanted: [MemberID: LinkPeer] = Dictionary(
      wanted.filter { $0.member != local.member }.map { ($0.member, $0) }, uniquingKeysWith: { first, _ in first })
    for (member, link) in peers where wanted[member] != link.peer {
      // Its name or city has become known, nothing else: the connections stay.
      if let peer: LinkPeer = wanted[member], peer.isSame(as: link.peer) {
        link.peer = peer
        link.distance = local.distance(to: peer)
      } else {
        remove(link)
      }
    }
    for (member, peer) in wanted where peers[member] == nil {
      let link = PeerLink(peer: peer, distance: local.distance(to: peer), limits: limits, seed: seeds.next())
      peers[member] = link
      dial(link)
    }
    publish()
  }

  /// A peer that left, or lives elsewhere now: both its connections go.
  private func remove(_ link: PeerLink) {
    link.isRemoved = true
    peers[link.peer.member] = nil
    link.retry?.cancel()
    link.paceTimer?.cancel()
    link.accepted?.close(promise: nil)
    link.opening?.close(promise: nil)
    down(link)
  }

  func stop() {
    guard !stopped else { return }
    stopped = true
    timer?.cancel()
    for link in Array(peers.values) { remove(link) }
    publish()
  }

  var epoch: LinkEpoch { epochCell.value }

  /// The epoch is another: what stands was made in the one before.
  func renewConnections() {
    guard !stopped else { return }
    for link in Array(peers.values) {
      link.accepted?.close(promise: nil)
      link.opening?.close(promise: nil)
      down(link)
      link.backoff.reset()
      redial(link)
    }
    publish()
  }

  func publish() { board.set(peers.values.map(\.status).sorted { $0.peer.member < $1.peer.member }) }

  // MARK: Sending

  func send(_ frame: ByteBuffer, to member: MemberID, _ priority: LinkPriority) -> Bool {
    guard let link: PeerLink = peers[member] else { return false }
    guard link.dialled != nil, link.queue.append(frame, priority) else {
      link.dropped += 1
      return false
    }
    markDirty(link)
    return true
  }

  /// What is sent during one turn of the loop leaves together at its end.
  func markDirty(_ link: PeerLink) {
    guard !link.isDirty else { return }
    link.isDirty = true
    dirty.append(link)
    guard !flushIsScheduled else { return }
    flushIsScheduled = true
    loop.assumeIsolated().execute {
      self.flushIsScheduled = false
      let links: [PeerLink] = self.dirty
      self.dirty.removeAll(keepingCapacity: true)
      for link in links {
        link.isDirty = false
        self.drain(link)
      }
    }
  }

  /// As long as the connection takes it, but not longer than a turn: other connections of this loop have heartbeats too.
  /// Writing may make the channel writable again from inside, which calls this: the loop that runs goes on, so that neither the stack nor
  /// the turn grows.
  func drain(_ link: PeerLink) {
    guard !link.isDraining else { return }
    link.isDraining = true
    defer { link.isDraining = false }
    var taken: Int = 0
    while let channel: any Channel = link.dialled, channel.isWritable {
      let (entries, bulk): (Int, Int) = allowance(link)
      guard link.queue.hasUrgent || (link.queue.hasEntries && entries > 0) || (link.queue.hasBulk && bulk > 0) else { break }
      guard taken < limits.bytesPerTurn else {
        // Not `execute`: the loop runs tasks that tasks add before it looks at its sockets again.
        _ = later(.microseconds(50)) { [weak self, weak link] in
          if let self, let link { self.drain(link) }
        }
        return
      }
      let piece: Int = limits.pieceBytes(link.distance)
      var buffer: ByteBuffer = channel.allocator.buffer(capacity: min(link.queue.queuedBytes, piece) + 512)
      let went: (entries: Int, bulk: Int) = link.queue.take(
        upTo: piece, entries: entries, bulk: bulk, compressor: link.isCompressed ? compressor : nil, into: &buffer)
      if buffer.readableBytes == 0 { break }
      if link.entryPacer != nil { link.unmarkedEntries += went.entries }
      if went.bulk > 0 || link.unmarkedEntries >= LinkLimits.markedEntries {
        buffer.writeImmutableBuffer(ping(link, clock.now(), behind: went.bulk))
      }
      taken += buffer.readableBytes
      link.bytesOut += Int64(buffer.readableBytes)
      channel.writeAndFlush(buffer, promise: nil)
    }
    waitForCredit(link)
  }

  /// What the pacers let go of entries and of bulk.
  private func allowance(_ link: PeerLink) -> (entries: Int, bulk: Int) {
    guard link.queue.hasBulk || (link.queue.hasEntries && link.entryPacer != nil) else { return (.max, 0) }
    let now: MonotonicTime = clock.now()
    return (link.entryPacer?.allowance(now) ?? .max, link.queue.hasBulk ? link.pacer.allowance(now) : 0)
  }

  /// Measures the round trip, shows that the link stands, and tells the pacers when what is before it has arrived.
  func ping(_ link: PeerLink, _ now: MonotonicTime, behind bulk: Int = 0) -> ByteBuffer {
    let token = UInt64(bitPattern: now.nanoseconds)
    link.pacer.sent(bulk, markedBy: token)
    link.entryPacer?.sent(link.unmarkedEntries, markedBy: token)
    link.unmarkedEntries = 0
    return Frame.ping(token)
  }

  /// Bulk that waits for its rate and for no pong goes on by the clock.
  private func waitForCredit(_ link: PeerLink) {
    guard link.paceTimer == nil, link.dialled != nil, link.queue.hasBulk, let wait: Duration = link.pacer.wait else { return }
    link.paceTimer = later(wait) { [weak self, weak link] in
      guard let self, let link else { return }
      link.paceTimer = nil
      self.drain(link)
    }
  }

  // MARK: Time

  func tick() {
    guard !stopped else { return }
    timer = later(limits.pingInterval) { [weak self] in self?.tick() }
    let now: MonotonicTime = clock.now()
    // Stopped or starved ourselves, we cannot tell who was silent: pongs may be waiting in the sockets.
    let wasAway: Bool = now - lastTick > limits.pingInterval + limits.silence / 2
    lastTick = now
    for link in peers.values {
      guard let channel: any Channel = link.dialled else { continue }
      if wasAway { link.lastPong = now }
      if now - link.lastPong > limits.silence {
        failed(
          link,
          LinkError(
            .silent, "Member \(link.peer.member) on \(link.peer.hostName) did not answer for \(limits.silence); the link is taken for cut.")
        )
        down(link)
        redial(link)
      } else {
        channel.writeAndFlush(ping(link, now), promise: nil)
      }
    }
    publish()
  }

  /// A connection was ended from the other side. One alone is a line that broke or a peer that dials anew; both at once are a process that
  /// ended, whose kernel closes for it: known a moment after, where silence takes many heartbeats.
  func endedByPeer(_ link: PeerLink, ours: Bool) {
    let now: MonotonicTime = clock.now()
    if ours { link.ourEnd = now } else { link.theirEnd = now }
    guard !stopped, !link.isRemoved, link.dialled == nil, link.accepted == nil, let ourEnd = link.ourEnd, let theirEnd = link.theirEnd,
      max(ourEnd - theirEnd, theirEnd - ourEnd) < limits.goneTogether
    else { return }
    gone(link.peer.member)
  }

  // MARK: Words

  /// Kept for `status`, and logged if it is news.
  func failed(_ link: PeerLink, _ error: any Error) {
    let sentence: String = Self.sentence(error)
    link.lastError = sentence
    if refusals.isNew(link.peer.hostName.value, sentence, at: clock.now()) {
      logger.warning("\(sentence)", metadata: ["peer": "\(link.peer.hostName)", "address": "\(link.peer.host):\(link.peer.port)"])
    }
  }

  static func sentence(_ error: any Error) -> String {
    let text: String = (error as? LinkError)?.message ?? (error as? TLSError)?.message ?? "\(error)"
    return String(text.prefix(LinkLimits.sentenceBytes))
  }
}
