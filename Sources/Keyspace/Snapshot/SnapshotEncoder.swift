import Primitives

/// Writes a keyspace piece by piece. Holds its own (shared) copy, so the keyspace goes on meanwhile and this may run on another thread.
public struct SnapshotEncoder: Sendable {
  private let keyspace: Keyspace
  private var checksum: UInt32 = 0
  private var place = OrderedIndex.Place(leaf: 0, slot: 0)
  private var versionsDone: Int = 0
  private var versionCount: Int = 0
  private var keyCount: Int = 0
  private var began: Bool = false
  private var ended: Bool = false

  public init(_ keyspace: Keyspace) { self.keyspace = keyspace }

  /// The next frame, about 256 KiB; nil after the last. Throws `.corrupt` where a value cannot be read back: the snapshot ends there
  /// without its end, and no decoder takes it.
  public mutating func next() throws(KeyspaceError) -> Bytes? {
    guard !ended else { return nil }
    var writer = ByteWriter(reserving: KeyspaceLimits.snapshotChunkBytes + 4096)
    if !began {
      began = true
      writeHeader(to: &writer)
    }
    writeEntries(to: &writer)
    try keyspace.checkValues()
    checksum = CRC32C.checksum(writer.bytes, seed: checksum)
    if place.leaf == keyspace.index.leaves.count {
      ended = true
      writer.byte(5)
      writer.count(keyCount)
      writer.count(versionCount)
      writer.fixed32(checksum)
    }
    var frame = ByteWriter(reserving: writer.bytes.count + 4)
    frame.fixed32(UInt32(writer.bytes.count))
    frame.raw(writer.bytes)
    return frame.take()
  }

  private func writeHeader(to writer: inout ByteWriter) {
    writer.byte(1)
    writer.byte(SnapshotForm.version)
    writer.signed(keyspace.revision)
    writer.signed(keyspace.compactedRevision)
    writer.fixed64(keyspace.appliedIndex)
    for (name, setting) in keyspace.settings.sorted(by: { Bytes($0.key).precedes(Bytes($1.key)) }) {
      writer.byte(7)
      writer.block(Bytes(name))
      writer.unsigned(setting.version)
      writer.block(setting.value)
    }
    for id in keyspace.leases {
      writer.byte(2)
      writer.signed(id)
      writer.signed(keyspace.leaseTTL(id) ?? 0)
      let remaining: Int64 = keyspace.leaseRemaining(id)
      if remaining > 0 {
        writer.byte(6)
        writer.signed(remaining)
      }
    }
    if !keyspace.cluster.isEmpty {
      writer.byte(8)
      writer.block(keyspace.cluster.encode())
    }
  }

  private mutating func writeEntries(to writer: inout ByteWriter) {
    let leaves: [OrderedIndex.Leaf] = keyspace.index.leaves
    while place.leaf < leaves.count {
      let entries: [IndexEntry] = leaves[place.leaf].entries
      while place.slot < entries.count {
        // Most keys have one version: looked at where they are, without a copy of the entry and its references.
        if entries[place.slot].older.isEmpty, !entries[place.slot].newest.isDeletion {
          if writer.bytes.count >= KeyspaceLimits.snapshotChunkBytes { return }
          writer.byte(3)
          writer.block(entries[place.slot].key)
          writer.byte(4)
          SnapshotForm.write(entries[place.slot].newest, to: &writer)
          versionCount += 1
          keyCount += 1
          place.slot += 1
          continue
        }
        guard let entry: IndexEntry = entries[place.slot].trimmed(compacted: keyspace.compactedRevision) else {
          place.slot += 1
          continue
        }
        while versionsDone <= entry.older.count {
          if writer.bytes.count >= KeyspaceLimits.snapshotChunkBytes { return }
          if versionsDone == 0 {
            writer.byte(3)
            writer.block(entry.key)
          }
          writer.byte(4)
          SnapshotForm.write(versionsDone < entry.older.count ? entry.older[versionsDone] : entry.newest, to: &writer)
          versionsDone += 1
          versionCount += 1
        }
        versionsDone = 0
        keyCount += 1
        place.slot += 1
      }
      place = OrderedIndex.Place(leaf: place.leaf + 1, slot: 0)
    }
  }
}
