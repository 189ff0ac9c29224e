import Primitives

/// Segments' lives: prepared (zero-filled, or purged and kept), used, purged.
extension JournalCore {
  /// Goes on in the next segment. Its header is durable before its name is, so a segment that has its name is one.
  mutating func roll() throws(JournalError) {
    let number: UInt64 = (segments.last?.number ?? 0) + 1
    if spares.isEmpty { while try prepareStep() {} }
    let spare: String = spares.removeFirst()
    let next = SegmentHeader(number: number, stamp: random.next(), firstBatch: nextBatch, chain: chain)
    let file: any DiskFile = try disk.open(spare, create: false)
    try file.write(next.encode(), at: 0)
    try file.sync()
    try disk.rename(spare, to: SegmentHeader.name(number))
    try disk.syncDirectory()
    active.close()
    active = file
    header = next
    end = SegmentHeader.bytes
    segments.append(Segment(number: number, maxIndex: 0))
  }

  /// Whether `prepareStep` has something to do: when the segment in use is half full, the next one gets ready.
  public var wantsPreparation: Bool {
    failure == nil && spares.isEmpty && (preparing != nil || end > configuration.segmentBytes / 2)
  }

  /// Zero-fills a piece of the next segment; true while there is more to do. Written space stays allocated and its size fixed, so that
  /// later syncs write data only (measured: 120-148 µs against 158-178 µs for a file that grows).
  public mutating func prepareStep() throws(JournalError) -> Bool {
    try guarded { core throws(JournalError) in
      if core.preparing == nil {
        core.lastSpare += 1
        core.preparing = (try core.disk.open("preparing", create: true), 0)
      }
      guard let (file, zeroed): (any DiskFile, Int) = core.preparing else { return false }
      let count: Int = min(JournalLimits.zeroStepBytes, core.configuration.segmentBytes - zeroed)
      if count > 0 {
        try file.write(Bytes(repeating: 0, count: count), at: zeroed)
        core.preparing = (file, zeroed + count)
        return true
      }
      try file.sync()
      file.close()
      let name: String = "spare-\(core.lastSpare)"
      try core.disk.rename("preparing", to: name)
      core.preparing = nil
      core.spares.append(name)
      return false
    }
  }

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
