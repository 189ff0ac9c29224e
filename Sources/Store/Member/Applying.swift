import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// Committed entries on their way into the keyspace.
extension MemberCore {
  func apply(_ entries: [Entry]) {
    guard let last: Entry = entries.last, rereading == nil else { return }
    defer { countOperations() }
    for entry in entries {
      proposals.onApplying(term: entry.term)
      switch entry.kind {
      case .data:
        appliedBytes += entry.payload.count
        applyCommand(entry)
      case .membership: applyMembership(entry)
      case .empty: keyspace.advance(to: entry.index)
      }
      guard failure == nil, rereading == nil else { return }
    }
    node.applied(upTo: last.index)
    board.revision.store(keyspace.revision, ordering: .relaxed)
    watches.onApplied(keyspace)
    startLeasesIfDue()
    takeSnapshotIfDue()
  }

  private func applyCommand(_ entry: Entry) {
    do {
      let (origin, request, rest): (MemberID, UInt64, ByteReader) = try LogPayload.head(entry.payload)
      let own: ProposalTable.Pending? = origin == configuration.memberID ? proposals.take(request) : nil
      let command: KeyspaceCommand
      if let own { command = own.command } else { command = try LogPayload.command(rest) }
      guard let result: Result<CommandResult, KeyspaceError> = keyspace.apply(command, at: entry.index) else {
        own?.completion(.failure(KeyspaceError(.timeout, "entry \(entry.index) was applied before this member knew its caller")))
        return
      }
      if let problem: KeyspaceError = keyspace.valueProblem {
        own?.completion(.failure(KeyspaceError(.corrupt, "the write may or may not have happened: \(problem.message)")))
        return onUnreadableValue(problem)
      }
      counts.add(command, result)
      noteLeases(command.unguarded, result)
      if keyspace.settingsVersion != board.settingsVersion.load(ordering: .relaxed) { board.set(settings: keyspace) }
      if case .cluster = command { onClusterChanged() }
      if let own {
        board.revision.store(keyspace.revision, ordering: .relaxed)
        answerWhenSafe(own, result, at: entry.index)
      }
    } catch {
      // Every member sees the same bytes: none can go on, and going on without would be another history.
      fail("entry \(entry.index) cannot be read: \(error)")
    }
  }

  private func countOperations() {
    guard publishes else { return }
    metrics.operations.add(counts)
    counts = OperationCounts()
  }

  // MARK: Snapshots of our own

  /// All kept versions of all keys are written. With a large keyspace that waits until the log behind the last snapshot is a quarter of
  /// it, so that a million keys, or a history of hours, are not written once for every ten thousand puts.
  private func takeSnapshotIfDue() {
    let size: Int = keyspace.sizeBytes
    guard size < StoreLimits.largeKeyspace || appliedBytes >= min(size / 4, StoreLimits.logBytesBeforeSnapshot) else { return }
    takeSnapshot(after: configuration.snapshotEntries)
  }

  /// If so many entries were applied since the last one.
  func takeSnapshot(after entries: UInt64) {
    guard !isTakingSnapshot, nextSnapshot.map({ now >= $0 }) ?? true, keyspace.appliedIndex >= lastSnapshotIndex + entries,
      let metadata: SnapshotMetadata = node.snapshotMetadata(at: keyspace.appliedIndex)
    else { return }
    isTakingSnapshot = true
    snapshotBegan = now
    appliedBytes = 0
    var bytes: Bytes = []
    metadata.encode(into: &bytes)
    let (eventLoop, handle) = (eventLoop, handle)
    journal.saveSnapshot(
      LogPlace(index: metadata.index, term: metadata.term), metadata: bytes, source: KeyspaceSource(encoder: SnapshotEncoder(keyspace))
    ) { result in
      eventLoop.execute { handle.value.onSnapshotSaved(metadata, result) }
    }
  }

  private func onSnapshotSaved(_ metadata: SnapshotMetadata, _ result: Result<SnapshotInfo, JournalError>) {
    isTakingSnapshot = false
    defer { endReclaims() }
    guard failure == nil else { return }
    switch result {
    case .success(let info):
      if publishes { metrics.snapshotSaved.recordNanoseconds((now - snapshotBegan).inNanoseconds) }
      lastSnapshotIndex = max(lastSnapshotIndex, metadata.index)
      node.snapshotTaken(metadata, keeping: configuration.catchUpEntries)
      logger.debug("snapshot taken", metadata: ["index": "\(metadata.index)", "bytes": "\(info.bytes)"])
    case .failure(let error) where error.code == .noSpace:
      nextSnapshot = now + StoreLimits.snapshotRetry
      logger.error("no space for a snapshot, tried again later", metadata: ["reason": "\(error.message)"])
    // Of the keyspace, which says so itself.
    case .failure(let error) where error.code == .source: onUnreadableValue(KeyspaceError(.corrupt, error.message))
    case .failure(let error):
      fail("a snapshot could not be written: \(error.message)")
    }
  }

  // MARK: A snapshot from the leader

  /// Consensus took the received snapshot: it replaces the keyspace, and callers whose entries it jumps over are told that they cannot
  /// know.
  func install(_ metadata: SnapshotMetadata) {
    guard let staged, staged.metadata == metadata else {
      return fail("consensus took a snapshot at \(metadata.index) that is not there")
    }
    self.staged = nil
    if !has(.forgetsSnapshotContents) { keyspace = staged.keyspace }
    keyspace.advance(to: metadata.index)
    lastSnapshotIndex = max(lastSnapshotIndex, metadata.index)
    for one in proposals.takeProposed() {
      one.completion(
        .failure(KeyspaceError(.timeout, "this member was brought up to date by a snapshot: the write may or may not have happened")))
    }
    board.set(settings: keyspace)
    watches.onReplaced(keyspace)
    onClusterChanged()
    if keyspace.cluster.removed.contains(configuration.memberID) { onRemoved() }
    logger.info("caught up by a snapshot", metadata: ["index": "\(metadata.index)", "revision": "\(keyspace.revision)"])
  }
}

/// Encodes a keyspace on the journal's thread.
struct KeyspaceSource: SnapshotSource {
  var encoder: SnapshotEncoder
  mutating func next() throws(JournalError) -> Bytes? {
    do throws(KeyspaceError) { return try encoder.next() } catch { throw JournalError(.source, error.message, cause: error) }
  }
}
