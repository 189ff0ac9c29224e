import Primitives

/// Segments' lives: prepared (zero-filled, or purged and kept), used, purged.
extension JournalCore {
  /// Goes on in the next segment. Its header is durable before its name is, so a segment that has its name is one.
  mutating func roll() throws(JournalError) {
    let number: UInt64 = (segments.last?.number ?? 0) + 1
    if spares.isEmpty { while try prepare() {} }
    let spare: String = spares[0]
    let next = SegmentHeader(number: number, stamp: random.next(), firstBatch: nextBatch, chain: chain)
    let file: any DiskFile = try disk.open(spare, create: false)
    try file.write(next.encode(), at: 0)
    do throws(JournalError) { try file.sync() } catch { throw error.asFailedSync }
    try disk.rename(spare, to: SegmentHeader.name(number))
    spares.removeFirst()
    do throws(JournalError) { try disk.syncDirectory() } catch { throw error.asFailedSync }
    active.close()
    active = file
    header = next
    end = SegmentHeader.bytes
    segments.append(Segment(number: number, maxIndex: 0))
  }

  /// Whether `prepareStep` has something to do: when the segment in use is half full, the next one gets ready.
  public var wantsPreparation: Bool {
    failure == nil && shortage == nil && spares.isEmpty && (preparing != nil || end > configuration.segmentBytes / 2)
  }

  /// Zero-fills a piece of the next segment; true while there is more to do. Written space stays allocated and its size fixed, so that
  /// later syncs write data only (measured: 120-148 µs against 158-178 µs for a file that grows). `.noSpace` half a segment before the
  /// space
  /// is needed is a warning; appends go on.
  public mutating func prepareStep() throws(JournalError) -> Bool {
    try guarded { core throws(JournalError) in try core.prepare() }
  }

  private mutating func prepare() throws(JournalError) -> Bool {
    if preparing == nil {
      try checkSpace()
      lastSpare += 1
      preparing = (try disk.open("preparing", create: true), 0)
    }
    guard let (file, zeroed): (any DiskFile, Int) = preparing else { return false }
    let count: Int = min(JournalLimits.zeroStepBytes, configuration.segmentBytes - zeroed)
    do throws(JournalError) {
      if count > 0 {
        try file.write(Bytes(repeating: 0, count: count), at: zeroed)
        preparing = (file, zeroed + count)
        return true
      }
      do throws(JournalError) { try file.sync() } catch { throw error.asFailedSync }
    } catch {
      // What it took is given back: the next attempt begins anew.
      file.close()
      preparing = nil
      if error.code == .noSpace { try disk.remove("preparing") }
      throw error
    }
    file.close()
    let name: String = "spare-\(lastSpare)"
    try disk.rename("preparing", to: name)
    preparing = nil
    spares.append(name)
    return false
  }

  private func checkSpace() throws(JournalError) {
    let wanted: Int = configuration.segmentBytes + JournalLimits.spaceMargin
    guard let free: Int = try disk.freeBytes(), free < wanted else { return }
    throw JournalError(.noSpace, "\(disk.path): \(free >> 20) MiB are free, the next segment of the log needs \(wanted >> 20). Free space")
  }

  /// A snapshot found the disk full.
  mutating func noteShortage(_ error: JournalError) { if error.code == .noSpace { shortage = error } }

  /// Looks whether a shortage is over.
  public mutating func lookForSpace() {
    guard shortage != nil, failure == nil else { return }
    // Whoever does not know its space finds out by trying.
    do throws(JournalError) {
      try checkSpace()
      shortage = nil
    } catch {}
  }

  /// There is no space for the next segment or a snapshot.
  public var isFull: Bool { shortage != nil }
  /// Appends wait for space.
  public var waitsForSpace: Bool { failure == nil && !waiting.isEmpty }

  /// Gives up the segments whose entries the older kept snapshot covers: two become spares, the rest goes.
  public mutating func purge() throws(JournalError) {
    try guarded { core throws(JournalError) in
      guard core.snapshots.count >= JournalLimits.snapshots, let covered: UInt64 = core.snapshots.last?.index else { return }
      while core.segments.count > 1, core.segments[0].maxIndex <= covered {
        let name: String = SegmentHeader.name(core.segments[0].number)
        if core.spares.count < JournalLimits.spareSegments {
          core.lastSpare += 1
          try core.disk.rename(name, to: "spare-\(core.lastSpare)")
          core.spares.append("spare-\(core.lastSpare)")
        } else {
          try core.disk.remove(name)
        }
        core.segments.removeFirst()
      }
      try core.disk.syncDirectory()
    }
  }
}
