import Consensus
import Journal
import Keyspace
import Logging
import NIOCore
import NIOPosix
import Primitives
import SiteLink
import Synchronization

/// One replicated member of the store.
///
/// Two ways in: on its event loop (`submit`, `linearize`, `keyspace`, `withWatches`) for those who share it and answer thousands of
/// requests per second, and `KeyValueStore` from any task. A member that follows forwards writes, keep-alives and the question for
/// linearizable reads to the leader; callers need not care which member they use.
public final class Store: Sendable {
  public let configuration: StoreConfiguration
  public let eventLoop: any EventLoop
  let core: NIOLoopBoundBox<MemberCore?>
  let board: StatusBoard
  private let environment: MemberEnvironment
  let disk: any Disk
  let ticking: NIOLoopBoundBox<RepeatedTask?>
  /// When values could not be read back.
  let rereadTimes: NIOLoopBoundBox<[MonotonicTime]>
  /// For good: a restart that is under way ends with it.
  let isStopped = Atomic<Bool>(false)

  /// A member among others; `link` makes what carries its frames.
  /// - Parameters:
  ///   - eventLoop: everything runs here; give EtcdAPI's listeners the same one.
  ///   - timing: of consensus, in ticks.
  /// - Throws: `StoreError` `.invalidConfiguration`, `.unsupported`.
  public init(
    configuration: StoreConfiguration, eventLoop: any EventLoop, timing: RaftTiming = RaftTiming(), clock: any TimeSource = SystemClock(),
    disk: (any Disk)? = nil, logger: Logger = Logger(label: "store"), link: (any EventLoop, LinkEvents) throws -> any PeerLink
  ) throws {
    StoreLimits.assertRelationships()
    try configuration.check()
    self.configuration = configuration
    self.eventLoop = eventLoop
    let core: NIOLoopBoundBox<MemberCore?> = .makeEmptyBox(valueType: MemberCore.self, eventLoop: eventLoop)
    self.core = core
    ticking = .makeEmptyBox(valueType: RepeatedTask.self, eventLoop: eventLoop)
    rereadTimes = .makeBoxSendingValue([], eventLoop: eventLoop)
    let board = StatusBoard(
      memberID: configuration.memberID, clusterID: configuration.clusterID, records: configuration.members.map(\.record))
    self.board = board
    self.disk = disk ?? PosixDisk(configuration.directory)
    let orders = StoreOrders()
    let events = LinkEvents(
      receive: { member, frame in core.value?.receive(frame, from: member) },
      linkChanged: { member, up in core.value?.linkChanged(member, up: up) },
      gone: { member in core.value?.onGone(member) },
      removed: { sentence in core.value?.onRefusedForGood(sentence) },
      introduction: { StoreConfiguration.introduction(clusterID: configuration.clusterID, board.records) },
      proof: { Recovery.encode(core.value?.keyspace.cluster.recoveries ?? []) }, superseded: { orders.superseded($0) },
      command: { orders.carryOut($0, from: $1, answer: $2) })
    var logger: Logger = logger
    logger[metadataKey: "member"] = "\(configuration.member?.name.value ?? "")"
    var environment = MemberEnvironment(
      configuration: configuration, eventLoop: eventLoop, clock: clock, logger: logger, link: try link(eventLoop, events),
      metrics: StoreMetrics(), board: board, disk: self.disk, timing: timing)
    environment.rereads = { orders.reread($0) }
    self.environment = environment
    orders.attach(self)
  }

  /// A member whose peers are reached over mutual TLS, listening on `bind`.
  public convenience init(
    configuration: StoreConfiguration, eventLoop: any EventLoop, tls: LinkTLS, bind: (host: String, port: Int),
    timing: RaftTiming = RaftTiming(), logger: Logger = Logger(label: "store")
  ) throws {
    try self.init(configuration: configuration, eventLoop: eventLoop, timing: timing, logger: logger) { loop, events in
      guard let local: StoreMember = configuration.member else { preconditionFailure("checked before") }
      return SiteLink(
        local: local.linkPeer, clusterID: configuration.clusterID, peers: configuration.members.map(\.linkPeer), tls: tls, eventLoop: loop,
        bind: bind, logger: logger, limits: configuration.wideArea.linkLimits, receive: events.receive, linkChanged: events.linkChanged,
        gone: events.gone, removed: events.removed, introduction: events.introduction, proof: events.proof, superseded: events.superseded,
        command: events.command)
    }
  }

  /// The only member of its store.
  public convenience init(
    single configuration: StoreConfiguration, eventLoop: any EventLoop, timing: RaftTiming = RaftTiming(),
    logger: Logger = Logger(label: "store")
  ) throws {
    try self.init(configuration: configuration, eventLoop: eventLoop, timing: timing, logger: logger) { _, _ in NoLink() }
  }

  /// Reads the folder back, listens, and takes part. Throws `StoreError` (its cause says what to do), or the link's error.
  public func start() async throws {
    try await open()
    do {
      try await environment.link.start()
      try await eventLoop.submit {
        // The replicated list of members may be newer than the configured one.
        if let core: MemberCore = self.core.value, !core.keyspace.cluster.members.isEmpty { core.updateLinks() }
      }.get()
    } catch {
      await stop()
      throw error
    }
  }

  /// Reads the folder back and makes the member of it.
  func open() async throws {
    let (configuration, disk, environment) = (configuration, disk, environment)
    let restored: RestoredMember = try await NIOThreadPool.singleton.runIfActive {
      try RestoredMember.open(configuration, disk, environment.metrics, environment.logger)
    }
    do {
      try await eventLoop.submit {
        guard self.core.value == nil else { throw StoreError(.wrongState, "a store starts once") }
        let core = try MemberCore(restored, environment)
        self.core.value = core
        ThreadSlice.request(nanoseconds: ThreadSlice.loopNanoseconds)
        environment.link.setEpoch(restored.epoch.onLinks)
        self.board.presentedCluster.store(
          StoreIdentity.presentedCluster(configuration.clusterID, epoch: restored.epoch.onLinks), ordering: .relaxed)
        let handle: NIOLoopBound<MemberCore> = core.handle
        let tick = TimeAmount.nanoseconds(configuration.tick.inNanoseconds)
        self.ticking.value = self.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in handle.value.tick() }
        // One that begins anew in this epoch goes by what it knew of users and alarms until the others tell it.
        if !restored.epoch.isRejoined || core.keyspace.settingsVersion > 0 { self.board.set(settings: core.keyspace) }
        core.publish()
      }.get()
    } catch {
      restored.journal.close()
      throw error
    }
  }

  /// Hands the leadership over if it has it, answers everybody `.unavailable`, closes links and journal. The folder can be opened again
  /// afterwards.
  public func stop() async {
    isStopped.store(true, ordering: .relaxed)
    let journal: (any MemberJournal)? = try? await eventLoop.submit { () -> (any MemberJournal)? in
      self.ticking.value?.cancel()
      self.ticking.value = nil
      return self.core.value?.stop(because: "this member is stopping")
    }.get()
    await environment.link.stop()
    if let journal { await withCheckedContinuation { continuation in journal.close { continuation.resume() } } }
  }
}

extension MemberCore {
  /// `isForGood`: no; then health does not ask for a restart of the process.
  func stop(because sentence: String, isForGood: Bool = true) -> any MemberJournal {
    if failure == nil {
      node.resignLeadership()
      drain()
      if let state: Bytes = lazyHardState { journal.append(JournalBatch(hardState: state)) { _ in } }
    }
    let error = KeyspaceError(.unavailable, sentence)
    failure = failure ?? error
    answerAll(error)
    watches.closeAll(error)
    if isForGood { publish() } else { board.pause() }
    return journal
  }
}
