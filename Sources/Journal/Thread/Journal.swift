import Glibc
import Primitives

/// Gives the chunks of a snapshot, on the journal's thread. nil after the last. What it throws ends this snapshot, and not the journal.
public protocol SnapshotSource: Sendable {
  mutating func next() throws(JournalError) -> Bytes?
}

/// How long a group commit took and what it covered.
public struct JournalSync: Sendable {
  /// From beginning to end.
  public var nanoseconds: Int64
  /// Of it, in the disk's hands.
  public var disk: DiskTimes
  public var batches: Int
  public var bytes: Int
}

/// A `JournalCore` on a thread of its own, one per process and member. Group commit: while a sync runs, everything appended is queued, and
/// goes out with one write and one sync as soon as it returns. Snapshots are written in pieces between appends.
///
/// Completions are called on the journal's thread in the order of the calls; hop to your own loop.
public final class Journal: Sendable {
  public typealias Completion = @Sendable (Result<Void, JournalError>) -> Void
  private enum Item: Sendable {
    case append(JournalBatch, Completion)
    case perform(@Sendable (inout JournalCore) -> Void)
    case snapshot(SnapshotJob)
  }
  private let queue = WorkQueue<Item>()
  private let board: HealthBoard
  private let path: String

  /// `observer` is told of each sync, on the journal's thread.
  public init(_ core: JournalCore, clock: any TimeSource = SystemClock(), observer: (@Sendable (JournalSync) -> Void)? = nil) {
    path = core.disk.path
    board = HealthBoard(clock)
    let (queue, board): (WorkQueue<Item>, HealthBoard) = (queue, board)
    startThread(named: "journal") { Self.run(queue, core, Note(board: board, observer: observer)) }
  }

  /// How the disk does at this moment; from any thread.
  public var health: JournalHealth { board.health }

  /// Who hears of what the disk did.
  private struct Note: Sendable {
    var board: HealthBoard
    var observer: (@Sendable (JournalSync) -> Void)?
  }

  /// Makes `batch` durable. A failure is final: every later append fails with it, and the member must stop acknowledging. A full disk is no
  /// failure: the completion comes when there was space, and `health` says meanwhile what is waited for.
  public func append(_ batch: JournalBatch, completion: @escaping Completion) {
    if !queue.add(.append(batch, completion), limit: JournalLimits.queuedItems) { completion(.failure(refusal)) }
  }

  /// Runs `body` behind what was queued before. Returns false if the journal is closed.
  @discardableResult
  public func perform(_ body: @escaping @Sendable (inout JournalCore) -> Void) -> Bool {
    queue.add(.perform(body), limit: JournalLimits.queuedItems)
  }

  /// Writes a snapshot in the background, then purges what it made superfluous.
  public func saveSnapshot(
    _ place: LogPlace, metadata: Bytes, source: any SnapshotSource,
    completion: @escaping @Sendable (Result<SnapshotInfo, JournalError>) -> Void
  ) {
    let job = SnapshotJob(place, metadata: metadata, source: source, completion: completion)
    if !queue.add(.snapshot(job), limit: JournalLimits.queuedItems) { completion(.failure(refusal)) }
  }

  private var refusal: JournalError { JournalError(.closed, "the journal in \(path) is closed, or its queue is full") }

  /// Finishes what is queued, releases the lock and ends the thread; `closed` is called at its end.
  public func close(_ closed: @escaping @Sendable () -> Void = {}) {
    if !queue.add(.perform { core in core.close() }, limit: .max) { return closed() }
    _ = queue.add(.perform { _ in closed() }, limit: .max)
    queue.close()
  }

  private static func run(_ queue: WorkQueue<Item>, _ start: consuming JournalCore, _ note: Note) {
    var core: JournalCore = start
    core.clock = note.board.clock
    var jobs: [SnapshotJob] = []
    var commits = GroupCommit()
    while true {
      let isBusy: Bool = !jobs.isEmpty || core.wantsPreparation
      if !isBusy, queue.isEmpty { core.noteDurable() }
      let wait: WorkQueue<Item>.Wait = isBusy && !commits.waits ? .no : core.isFull ? .atMost(JournalLimits.spacePatience) : .untilWork
      guard let items: [Item] = queue.take(wait) else { break }
      if core.isFull { core.lookForSpace() }
      var group: [GroupCommit.Item] = []
      for item in items {
        switch item {
        case .append(let batch, let completion): group.append((batch, completion))
        case .perform(let body):
          commit(&group, &commits, &core, note)
          _ = note.board.begin()
          body(&core)
          note.board.end(core)
        case .snapshot(let job): jobs.append(job)
        }
      }
      commit(&group, &commits, &core, note)
      guard !jobs.isEmpty || core.wantsPreparation else {
        note.board.end(core)
        continue
      }
      _ = note.board.begin()
      if !jobs.isEmpty {
        if let done: () -> Void = jobs[0].step(&core) {
          jobs.removeFirst()
          done()
        }
      } else {
        // A failure stays in the core and is told to the next append; a full disk is in the health, and tried again.
        do throws(JournalError) { _ = try core.prepareStep() } catch {}
      }
      note.board.end(core)
    }
    let closed = JournalError(.closed, "the journal was closed before this was written")
    for (_, completion) in commits.held { completion(.failure(closed)) }
    for job in jobs { job.completion(.failure(closed)) }
  }

  private static func commit(_ group: inout [GroupCommit.Item], _ commits: inout GroupCommit, _ core: inout JournalCore, _ note: Note) {
    guard commits.hasHope(group, core) else { return }
    let start: MonotonicTime = note.board.begin()
    guard let (done, result) = commits.commit(&group, &core) else { return note.board.end(core) }
    let bytes: Int = done.reduce(0) { $0 + $1.batch.entries.reduce(0) { $0 + $1.payload.count } }
    let sync = JournalSync(
      nanoseconds: (note.board.clock.now() - start).inNanoseconds, disk: core.times.take(), batches: done.count, bytes: bytes)
    note.board.end(core, sync: sync)
    note.observer?(sync)
    for one in done { one.completion(result) }
  }
}

/// Starts a detached thread that runs `body`.
private func startThread(named name: String, _ run: @escaping @Sendable () -> Void) {
  let body: @Sendable () -> Void = {
    // The name that ps and perf show; where /proc is not mounted there is none.
    let descriptor: Int32 = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    if descriptor >= 0 {
      _ = write(descriptor, Bytes(name), name.utf8.count)
      close(descriptor)
    }
    ThreadSlice.request(nanoseconds: ThreadSlice.shortNanoseconds)
    run()
  }
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(body))
  let result: Int32 = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  precondition(result == 0, "no thread for the journal: \(String(cString: strerror(result)))")
  pthread_detach(thread)
}
