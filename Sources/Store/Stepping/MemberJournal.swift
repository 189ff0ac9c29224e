import Journal

/// What a member needs of its journal: `Journal`, on a thread of its own, or one that a simulation drives. The contract is `Journal`'s:
/// appends become durable in order, completions come in the order of the calls, `perform` runs behind what was queued before it.
public protocol MemberJournal: Sendable {
  func append(_ batch: JournalBatch, completion: @escaping Journal.Completion)
  @discardableResult
  func perform(_ body: @escaping @Sendable (inout JournalCore) -> Void) -> Bool
  func saveSnapshot(
    _ place: LogPlace, metadata: [UInt8], source: any SnapshotSource,
    completion: @escaping @Sendable (Result<SnapshotInfo, JournalError>) -> Void)
  func close(_ closed: @escaping @Sendable () -> Void)
  /// How the disk does at this moment.
  var health: JournalHealth { get }
}

extension MemberJournal {
  public func close() { close {} }
}

extension Journal: MemberJournal {}
