import Primitives

/// A modification whose value is in a file.
///
/// `@unchecked Sendable`: see `Record`; `files` and `segment` are Sendable themselves.
final class FileRecord: Record, @unchecked Sendable {
  let segment: ValueSegment
  private let files: ValueFiles
  private let offset: UInt32
  private let count: UInt32
  private let check: UInt32

  init(
    key: Bytes, value: Bytes, in place: (segment: ValueSegment, offset: Int), of files: ValueFiles, createRevision: Int64,
    modRevision: Int64, sub: Int64, version: Int64, lease: Int64
  ) {
    self.files = files
    segment = place.segment
    offset = UInt32(place.offset)
    count = UInt32(value.count)
    check = ValueFiles.check(value)
    files.hold(place.segment, value.count)
    super.init(
      key: key, createRevision: createRevision, modRevision: modRevision, sub: sub, version: version, lease: lease)
  }

  deinit { files.release(segment, Int(count)) }

  override var valueBytes: Int { Int(count) }

  /// Empty where it cannot be read back as it was written: `ValueFiles.problem` says so from then on, and whoever made an answer of it,
  /// or a decision, asks there before it counts (`Keyspace.checkValues`).
  override var value: Bytes {
    guard let bytes: Bytes = segment.read(Int(offset), Int(count)), ValueFiles.check(bytes) == check else {
      files.noteUnreadable(
        "the value of \(key.text.debugDescription) at revision \(modRevision) cannot be read back from \(files.directory): check the disk")
      return []
    }
    return bytes
  }
}

extension Keyspace {
  /// `.corrupt` once a value in a file could not be read back. Then no answer counts that a value went into, and the state after an `apply`
  /// may be wrong: drop this keyspace and read another from the journal and its snapshots, which have checksums of their own.
  public var valueProblem: KeyspaceError? { values?.problem }

  func checkValues() throws(KeyspaceError) { if let problem: KeyspaceError = valueProblem { throw problem } }

  /// A modification, with its value where there is room for it. `isRestoring`: this keyspace is being read back while another one may
  /// hold files,
  /// too, so what is in files says nothing of how much of it is in memory.
  func record(
    key: Bytes, value: Bytes, createRevision: Int64, modRevision: Int64, sub: Int64, version: Int64, lease: Int64,
    isRestoring: Bool = false
  ) -> Record {
    if let values, value.count >= KeyspaceLimits.fileValueBytes,
      sizeBytes - (isRestoring ? 0 : values.liveBytes) > values.memoryBytes, let place = values.store(value)
    {
      return FileRecord(
        key: key, value: value, in: place, of: values, createRevision: createRevision, modRevision: modRevision, sub: sub,
        version: version, lease: lease)
    }
    return MemoryRecord(
      key: key, value: value, createRevision: createRevision, modRevision: modRevision, sub: sub, version: version, lease: lease)
  }

  /// Moves values out of files that are mostly freed, a leaf of the index at a time, so that these can go. Whoever drives a keyspace
  /// calls it now and
  /// then; it costs a look at 512 keys, and a read and a write per value moved. Changes nothing that anybody can see.
  public mutating func tidyValues() {
    guard let values else { return }
    if tidyingLeaf == nil {
      guard values.markSparse() else { return }
      tidyingLeaf = 0
    }
    guard let leaf: Int = tidyingLeaf, leaf < index.leaves.count else {
      tidyingLeaf = nil
      return
    }
    tidyingLeaf = leaf + 1
    for slot in index.leaves[leaf].entries.indices {
      // Newer ones are in the history as well, which would hold on to the file.
      guard let record = index.leaves[leaf].entries[slot].newest as? FileRecord, record.modRevision < compactedRevision,
        record.segment.isSparse.load(ordering: .relaxed)
      else { continue }
      let value: Bytes = record.value
      guard values.problem == nil else { return }
      index.replaceNewest(
        OrderedIndex.Place(leaf: leaf, slot: slot),
        with: self.record(
          key: record.key, value: value, createRevision: record.createRevision, modRevision: record.modRevision,
          sub: record.sub, version: record.version, lease: record.lease))
    }
  }
}
