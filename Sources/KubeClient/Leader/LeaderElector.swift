import KubeModel
import Logging
import Primitives
import Synchronization

/// Runs something in one process at a time, the one that holds a coordination.k8s.io Lease. The shell around
/// `LeaderElectionInstance`.
public final class LeaderElector: Sendable {
  private let client: KubeClient
  private let configuration: LeaderElectionConfiguration
  private let clock: any TimeSource
  private let leading = Atomic<Bool>(false)
  private let logger: Logger

  public init(client: KubeClient, configuration: LeaderElectionConfiguration, clock: any TimeSource = SystemClock()) {
    var client: KubeClient = client
    client.followsRetryAfter = false  // the lease's deadline decides how long to wait, not the server
    self.client = client
    self.configuration = configuration
    self.clock = clock
    var logger = Logger(label: "kubeclient.leader")
    logger[metadataKey: "lease"] = "\(configuration.namespace)/\(configuration.name)"
    logger[metadataKey: "identity"] = "\(configuration.identity)"
    self.logger = logger
  }

  /// This process leads now, as far as its own clock can tell.
  public var isLeader: Bool { leading.load(ordering: .acquiring) }

  /// Waits for the lease, runs `lead` while it holds, cancels it when the lease is lost, and waits again. Returns when `lead`
  /// returns; throws what it throws, or `CancellationError`. The lease is given back at the end.
  /// `lead` must end soon once cancelled: nobody else waits for that longer than the lease lasts.
  public func run(_ lead: @escaping @Sendable () async throws -> Void) async throws {
    var term = Term(configuration: configuration)
    while true {
      try await acquire(&term)
      leading.store(true, ordering: .releasing)
      logger.info("started leading", metadata: ["epoch": "\(configuration.epoch())"])
      let start: Term = term
      let outcome: Outcome = await withTaskGroup(of: Outcome.self) { group in
        group.addTask {
          do {
            try await lead()
            return .finished(nil)
          } catch {
            return .finished(error)
          }
        }
        group.addTask { await self.renew(start) }
        let first: Outcome = await group.next() ?? .finished(nil)
        self.leading.store(false, ordering: .releasing)
        group.cancelAll()
        var after: Outcome = first
        for await next in group {
          if case .lost(let term, _) = next, case .finished = first { after = .finishedHolding(term, first.error) }
        }
        return after
      }
      switch outcome {
      case .lost(let last, let reason):
        logger.warning("stopped leading: \(reason)")
        if Task.isCancelled || !configuration.mayLead() { await release(last) }
        try Task.checkCancellation()
        term = Term(configuration: configuration)
      case .finished(let error):
        if let error { throw error }
        try Task.checkCancellation()
        return
      case .finishedHolding(let last, let error):
        await release(last)
        try Task.checkCancellation()
        if let error { throw error }
        return
      }
    }
  }

  private enum Outcome: Sendable {
    case lost(Term, reason: String)
    case finished((any Error)?)
    case finishedHolding(Term, (any Error)?)
    var error: (any Error)? { if case .finished(let error) = self { error } else { nil } }
  }

  /// The instance with the object that it last saw.
  private struct Term: Sendable {
    var election: LeaderElectionInstance
    var object: KubeObject?
    init(configuration: LeaderElectionConfiguration) {
      election = LeaderElectionInstance(
        identity: configuration.identity, leaseDuration: configuration.leaseDuration, renewDeadline: configuration.renewDeadline)
    }
  }

  private func acquire(_ term: inout Term) async throws {
    while true {
      while !configuration.mayLead() { try await configuration.waitForChange(false, LeaderElectionConfiguration.look) }
      if case .started = await attempt(&term, within: configuration.renewDeadline) {
        // The write may have taken up to its deadline.
        if configuration.mayLead() { return }
        await release(term)
        term = Term(configuration: configuration)
      }
      try await pause()
    }
  }

  /// Waits for the retry period, and no longer than `mayLead` holds. Throws when cancelled.
  private func pause() async throws {
    let until: MonotonicTime = clock.now() + configuration.retryPeriod
    while configuration.mayLead() {
      let left: Duration = until - clock.now()
      guard left > .zero else { break }
      try await configuration.waitForChange(true, left)
    }
    try Task.checkCancellation()
  }

  private func renew(_ start: Term) async -> Outcome {
    var term: Term = start
    while true {
      // Cancelled: the holder ends by itself, and the lease goes back.
      guard (try? await pause()) != nil else { return .lost(term, reason: "it was told to stop") }
      guard configuration.mayLead() else { return .lost(term, reason: "this center is not active any more") }
      guard let deadline: MonotonicTime = term.election.deadline else { return .lost(term, reason: "the term ended") }
      let left: Duration = deadline - clock.now()
      if left > .zero, case .stopped(let reason) = await attempt(&term, within: left) { return .lost(term, reason: reason) }
      for case .stopLeading(let reason) in term.election.onDeadlineCheck(clock.now()) { return .lost(term, reason: reason) }
    }
  }

  private enum Step {
    case started, stopped(String), nothing
  }

  /// One try: a leader writes at once on top of what it wrote last; everybody else reads first.
  private func attempt(_ term: inout Term, within limit: Duration) async -> Step {
    let start: Term = term
    do {
      let (after, step): (Term, Step) = try await withDeadline(limit, what: "lease \(configuration.name)") {
        try await self.exchange(start)
      }
      term = after
      return step
    } catch {
      if let error = error as? KubeError, error.code == .conflict || error.code == .alreadyExists || error.code == .notFound {
        term.object = nil  // somebody else wrote: read before the next write
      }
      logger.debug("lease attempt failed: \(error)")
      return .nothing
    }
  }

  /// A candidate begins with what the server has in memory: a write on top of an old version is refused, and then the lease is read
  /// properly. After the loss of a center every read by quorum waits for the other city, and a failover waits for this one.
  private func exchange(_ start: Term) async throws -> (Term, Step) {
    guard !start.election.leads, start.object == nil else { return try await exchange(start, cached: false) }
    do {
      return try await exchange(start, cached: true)
    } catch let error as KubeError where error.code == .conflict || error.code == .alreadyExists || error.code == .notFound {
      return try await exchange(start, cached: false)
    }
  }

  private func exchange(_ start: Term, cached: Bool) async throws -> (Term, Step) {
    var term: Term = start
    let epoch: Int64 = configuration.epoch()
    var directives: [LeaderElectionInstance.Directive] = [.write(acquire: false)]
    if !term.election.leads || term.object == nil {
      term.object = try await client.find(.leases, namespace: configuration.namespace, name: configuration.name, cached: cached)
      directives = term.election.onRead(term.object.map { LeaderLease($0) }, epoch: epoch, now: clock.now())
    }
    var step: Step = .nothing
    for directive in directives {
      switch directive {
      case .startLeading: step = .started
      case .stopLeading(let reason): return (term, .stopped(reason))
      case .write(let acquire):
        // The read before may have taken long, and a write after the end of the activation would let this process lead in another one.
        guard configuration.mayLead(), configuration.epoch() == epoch else {
          return (term, term.election.leads ? .stopped("this center is not active any more") : .nothing)
        }
        let began: MonotonicTime = clock.now()
        let lease: KubeObject = LeaderLease.object(
          term.object, configuration: configuration, holder: configuration.identity, epoch: epoch, now: clock.wall(), acquired: acquire)
        let written: KubeObject =
          term.object == nil ? try await client.create(.leases, lease) : try await client.update(.leases, lease)
        term.object = written
        for directive in term.election.onWritten(LeaderLease(written), began: began, now: clock.now()) {
          switch directive {
          case .startLeading: step = .started
          case .stopLeading(let reason): return (term, .stopped(reason))
          case .write: break
          }
        }
      }
    }
    return (term, step)
  }

  /// Gives the lease back so that the next candidate need not wait. On a task of its own, since ours is cancelled by now.
  private func release(_ term: Term) async {
    guard let object: KubeObject = term.object, object.spec["holderIdentity"].string == configuration.identity else { return }
    let lease: KubeObject = LeaderLease.object(
      object, configuration: configuration, holder: "", epoch: configuration.epoch(), now: clock.wall(), acquired: false)
    let client: KubeClient = client
    let limit: Duration = configuration.retryPeriod
    let logger: Logger = logger
    await Task {
      do {
        _ = try await withDeadline(limit, what: "release lease") { try await client.update(.leases, lease) }
        logger.info("gave the lease back")
      } catch {
        logger.info("could not give the lease back; it runs out by itself: \(error)")
      }
    }.value
  }
}
