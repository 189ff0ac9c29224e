/// Appends on their way through a `JournalCore`: all that came meanwhile go out with one write and one sync, and what a full disk holds up
/// waits in order. Without a thread: `Journal` runs it on its own, a simulation when it says so.
public struct GroupCommit: Sendable {
  public typealias Item = (batch: JournalBatch, completion: Journal.Completion)
  /// Held up by a full disk; they are in the core as well, in this order.
  public private(set) var held: [Item] = []

  public init() {}

  public var waits: Bool { !held.isEmpty }

  /// Whether there is something to try: while the disk is full only an attempt with new hope is worth its system calls.
  public func hasHope(_ group: [Item], _ core: borrowing JournalCore) -> Bool {
    guard group.isEmpty else { return true }
    return held.isEmpty ? false : !core.isFull
  }

  /// Writes. Returns who is to be told what; nil: it is not durable and not lost, and whoever waits for it goes on waiting.
  public mutating func commit(_ group: inout [Item], _ core: inout JournalCore) -> (done: [Item], result: Result<Void, JournalError>)? {
    let result: Result<Void, JournalError>
    do throws(JournalError) {
      if group.isEmpty { try core.resume() } else { try core.append(group.map(\.batch)) }
      result = .success(())
    } catch { result = .failure(error) }
    held += group
    group.removeAll(keepingCapacity: true)
    if case .failure(let error) = result, error.code == .noSpace { return nil }
    let done: [Item] = held
    held.removeAll(keepingCapacity: true)
    return (done, result)
  }
}

/// A snapshot that is being written, a chunk at a time between appends.
public struct SnapshotJob: Sendable {
  public typealias Completion = @Sendable (Result<SnapshotInfo, JournalError>) -> Void
  private var writer: SnapshotWriter?
  private let place: LogPlace
  private let metadata: [UInt8]
  private var source: any SnapshotSource
  let completion: Completion

  public init(_ place: LogPlace, metadata: [UInt8], source: any SnapshotSource, completion: @escaping Completion) {
    self.place = place
    self.metadata = metadata
    self.source = source
    self.completion = completion
  }

  /// Writes a piece. nil: there is more to do; otherwise who is to be told what, one way or the other.
  public mutating func step(_ core: inout JournalCore) -> (() -> Void)? {
    let completion: Completion = completion
    do throws(JournalError) {
      var writer: SnapshotWriter
      if let begun: SnapshotWriter = self.writer {
        writer = begun
      } else {
        writer = try core.beginSnapshot(index: place.index, term: place.term, metadata: metadata)
      }
      if let chunk: [UInt8] = try source.next() {
        try writer.append(chunk)
        self.writer = writer
        return nil
      }
      try core.finish(writer)
      let info: SnapshotInfo = core.snapshotInfos[0]
      return { completion(.success(info)) }
    } catch {
      core.noteShortage(error)
      if let writer { core.abandon(writer) }
      return { completion(.failure(error)) }
    }
  }
}
