import Journal
import Primitives
import Store

/// The journal's thread, as far as a member sees it: takes what is handed to it, and is done when the world says so. What it does with a
/// full disk and with snapshots is `Journal`'s own (`GroupCommit`, `SnapshotJob`).
///
/// `@unchecked Sendable`: it belongs to one world, which runs on one thread at a time.
final class SimulatedJournal: MemberJournal, @unchecked Sendable {
  enum Work {
    case append(JournalBatch, Journal.Completion)
    case perform(@Sendable (inout JournalCore) -> Void)
    case snapshot(SnapshotJob)
    /// The next segment gets ready.
    case prepare
    /// Looks whether there is space again for what waits.
    case look

    var batch: JournalBatch? { if case .append(let batch, _) = self { batch } else { nil } }
  }
  var core: JournalCore
  private var commits = GroupCommit()
  var queued: [Work] = []
  /// Being written: all appends at the front of the queue at once, or one other work.
  var running: [Work] = []
  /// The first one; nothing is durable from there on.
  private(set) var failure: JournalError?
  /// When the appends that nobody was told of yet were handed over, oldest first.
  private(set) var owedSince: [Int64] = []
  private var fullSince: MonotonicTime?
  /// A planted bug: appends are said to be done when they are handed over.
  let isEager: Bool
  private let clock: any TimeSource
  private let now: () -> Int64
  private let handedOver: (JournalBatch) -> Void
  private let woken: () -> Void

  init(
    _ core: JournalCore, isEager: Bool, clock: any TimeSource, now: @escaping () -> Int64, handedOver: @escaping (JournalBatch) -> Void,
    woken: @escaping () -> Void
  ) {
    self.core = core
    self.isEager = isEager
    self.clock = clock
    self.now = now
    self.handedOver = handedOver
    self.woken = woken
  }

  func append(_ batch: JournalBatch, completion: @escaping Journal.Completion) {
    handedOver(batch)
    owedSince.append(now())
    queued.append(.append(batch, completion))
    if isEager { completion(.success(())) }
    woken()
  }

  func perform(_ body: @escaping @Sendable (inout JournalCore) -> Void) -> Bool {
    queued.append(.perform(body))
    woken()
    return true
  }

  func saveSnapshot(
    _ place: LogPlace, metadata: Bytes, source: any SnapshotSource,
    completion: @escaping @Sendable (Result<SnapshotInfo, JournalError>) -> Void
  ) {
    queued.append(.snapshot(SnapshotJob(place, metadata: metadata, source: source, completion: completion)))
    woken()
  }

  func close(_ closed: @escaping @Sendable () -> Void) {
    core.close()
    closed()
  }

  /// What members ask for: whether there is space.
  var health: JournalHealth {
    var health = JournalHealth()
    health.fullSince = fullSince
    health.waitsForSpace = fullSince != nil && core.waitsForSpace
    return health
  }

  /// Appends wait for space.
  var waitsForSpace: Bool { commits.waits }

  /// Takes what is to be written at once.
  func begin() -> Bool {
    guard running.isEmpty else { return false }
    if queued.isEmpty, core.wantsPreparation { queued.append(.prepare) }
    guard !queued.isEmpty else { return false }
    let appends: Int = queued.firstIndex { $0.batch == nil } ?? queued.count
    let count: Int = max(1, appends)
    running = Array(queued[..<count])
    queued.removeFirst(count)
    return true
  }

  /// Writes it, and returns what is durable now. `told`: whether anybody hears of it.
  @discardableResult
  func write(_ work: [Work], told: Bool) -> [JournalBatch] {
    if core.isFull { core.lookForSpace() }
    var group: [GroupCommit.Item] = []
    for case .append(let batch, let completion) in work { group.append((batch, completion)) }
    let durable: [JournalBatch] = commit(&group, told)
    for one in work {
      switch one {
      case .append, .look: break
      case .perform(let body): if told { body(&core) }
      case .snapshot(var job):
        var done: (() -> Void)?
        while done == nil { done = job.step(&core) }
        if told { done?() }
      case .prepare:
        // A failure stays in the core and is told to the next append; a full disk is in the health, and tried again.
        do throws(JournalError) { while try core.prepareStep() {} } catch { failure = failure ?? (error.code == .noSpace ? nil : error) }
      }
    }
    fullSince = core.isFull ? fullSince ?? clock.now() : nil
    return durable
  }

  private func commit(_ group: inout [GroupCommit.Item], _ told: Bool) -> [JournalBatch] {
    guard commits.hasHope(group, core), let (done, result) = commits.commit(&group, &core) else { return [] }
    owedSince.removeFirst(done.count)
    if told, !isEager { for one in done { one.completion(result) } }
    guard case .failure(let error) = result else { return done.map(\.batch) }
    failure = failure ?? error
    return []
  }

  /// The member stops, and what it has handed over is finished. Returns what is durable now.
  func finish() -> [JournalBatch] {
    var durable: [JournalBatch] = write(running, told: false)
    running = []
    while begin() {
      durable += write(running, told: false)
      running = []
    }
    return durable
  }

  /// What nobody knows to be durable, in order.
  var unwritten: [JournalBatch] { commits.held.map(\.batch) + (running + queued).compactMap(\.batch) }

  /// What is queued holds on to the member.
  func drop() {
    queued = []
    running = []
    commits = GroupCommit()
    core.close()
  }
}
