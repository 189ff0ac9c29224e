import Journal
import Primitives
import Store

/// The journal's thread, as far as a member sees it: takes what is handed to it, and is done when the world says so.
///
/// `@unchecked Sendable`: it belongs to one world, which runs on one thread at a time.
final class SimulatedJournal: MemberJournal, @unchecked Sendable {
  enum Work {
    case append(JournalBatch, Journal.Completion)
    case perform(@Sendable (inout JournalCore) -> Void)
    case snapshot(LogPlace, Bytes, any SnapshotSource, @Sendable (Result<SnapshotInfo, JournalError>) -> Void)

    var batch: JournalBatch? { if case .append(let batch, _) = self { batch } else { nil } }
  }
  var core: JournalCore
  var queued: [Work] = []
  /// Being written: all appends at the front of the queue at once, or one other work.
  var running: [Work] = []
  /// The first one; nothing is durable from there on.
  private(set) var failure: JournalError?
  /// When the appends that nobody was told of yet were handed over, oldest first.
  private(set) var owedSince: [Int64] = []
  /// A planted bug: appends are said to be done when they are handed over.
  let isEager: Bool
  private let now: () -> Int64
  private let handedOver: (JournalBatch) -> Void
  private let woken: () -> Void

  init(
    _ core: JournalCore, isEager: Bool, now: @escaping () -> Int64, handedOver: @escaping (JournalBatch) -> Void,
    woken: @escaping () -> Void
  ) {
    self.core = core
    self.isEager = isEager
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
    queued.append(.snapshot(place, metadata, source, completion))
    woken()
  }

  func close(_ closed: @escaping @Sendable () -> Void) {
    core.close()
    closed()
  }

  /// Nobody reads status here.
  var health: JournalHealth { JournalHealth() }

  /// Takes what is to be written at once.
  func begin() -> Bool {
    guard running.isEmpty, !queued.isEmpty else { return false }
    let appends: Int = queued.firstIndex { $0.batch == nil } ?? queued.count
    let count: Int = max(1, appends)
    running = Array(queued[..<count])
    queued.removeFirst(count)
    return true
  }

  /// Writes it. `told`: whether anybody hears of it.
  func write(_ work: [Work], told: Bool) {
    let batches: [JournalBatch] = work.compactMap(\.batch)
    if !batches.isEmpty {
      owedSince.removeFirst(batches.count)
      let result: Result<Void, JournalError> = Result { () throws(JournalError) in try core.append(batches) }
      if case .failure(let error) = result { failure = failure ?? error }
      if told, !isEager {
        for case .append(_, let completion) in work { completion(result) }
      }
    }
    for one in work {
      switch one {
      case .append: break
      case .perform(let body): if told { body(&core) }
      case .snapshot(let place, let metadata, let source, let completion):
        let result: Result<SnapshotInfo, JournalError> = Result { () throws(JournalError) in try save(place, metadata, source) }
        if case .failure(let error) = result { failure = failure ?? error }
        if told { completion(result) }
      }
    }
  }

  private func save(_ place: LogPlace, _ metadata: Bytes, _ source: any SnapshotSource) throws(JournalError) -> SnapshotInfo {
    var source: any SnapshotSource = source
    var writer: SnapshotWriter = try core.beginSnapshot(index: place.index, term: place.term, metadata: metadata)
    while let chunk: Bytes = source.next() { try writer.append(chunk) }
    try core.finish(writer)
    return core.snapshotInfos[0]
  }
}
