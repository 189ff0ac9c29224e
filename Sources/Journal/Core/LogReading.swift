import Primitives

/// Reads the segments of a folder, from the newest that starts anew, up to the first damage.
struct LogReading {
  private let disk: any Disk
  private let marks: Marks?
  private(set) var segments: [JournalCore.Segment] = []
  /// Segments from before the log last started anew.
  private(set) var forgotten: [UInt64] = []
  private(set) var log: [JournalEntry] = []
  private(set) var hardState: Bytes?
  private(set) var isRepairing: Bool = false
  private(set) var last: SegmentReader.Result?
  private(set) var active: (any DiskFile)?
  private(set) var remarks: [String] = []
  /// What makes the log end before what was durable.
  private(set) var damage: JournalError?
  private(set) var stamps: UInt64 = 0

  init(_ disk: any Disk, _ numbers: [UInt64], _ marks: Marks?) throws(JournalError) {
    self.disk = disk
    self.marks = marks
    try read(numbers)
  }

  private mutating func read(_ all: [UInt64]) throws(JournalError) {
    var headers: [(number: UInt64, file: any DiskFile, header: SegmentHeader?)] = []
    var unreadable: JournalError?
    for number in all.reversed() {
      let file: any DiskFile = try disk.open(SegmentHeader.name(number), create: false)
      var header: SegmentHeader?
      do throws(JournalError) { header = try SegmentReader.header(file, folder: disk.path, number: number) } catch {
        // No damage: what is in there is whole, and a repair would throw it away.
        if error.code == .otherVersion { throw error }
        unreadable = error
      }
      headers.insert((number, file, header), at: 0)
      if header?.startsAnew ?? false { break }
    }
    forgotten = all.filter { $0 < headers.first?.number ?? 0 }
    for (place, one) in headers.enumerated() {
      guard let header: SegmentHeader = one.header else {
        damage = unreadable
        break
      }
      let name: String = SegmentHeader.name(one.number)
      if let last, last.nextBatch != header.firstBatch || last.chain != header.chain {
        damage = SegmentReader.corrupt(
          disk.path, SegmentHeader.name(headers[place - 1].number), last.end,
          "it ends with batch \(last.nextBatch - 1), and \(name) begins with batch \(header.firstBatch)")
        break
      }
      let result: SegmentReader.Result = SegmentReader.read(one.file, header, folder: disk.path, isLast: place == headers.count - 1)
      var segment = JournalCore.Segment(number: one.number, maxIndex: 0)
      for record in result.records where damage == nil { replay(record, &segment, name) }
      segments.append(segment)
      stamps = stamps &* 31 ^ header.stamp
      last = result
      active?.close()
      active = one.file
      damage = damage ?? result.damage
      if damage != nil { break }
    }
    for one in headers where one.file.name != active?.name { one.file.close() }
    judgeTail()
  }

  private mutating func judgeTail() {
    guard damage == nil, let last, let name: String = active?.name else { return }
    if let marks, marks.batch >= last.nextBatch {
      damage = SegmentReader.corrupt(
        disk.path, name, last.end, "batch \(last.nextBatch) is unreadable although the marks say that batch \(marks.batch) was synced")
    } else if last.isTorn, marks == nil {
      damage = SegmentReader.corrupt(
        disk.path, name, last.end,
        "batch \(last.nextBatch) is unreadable, and so is \(Marks.name), which would tell whether it was torn or damaged")
    } else if last.isTorn {
      remarks.append("\(name): a batch at byte \(last.end) was being written when the member stopped; it was cut")
    }
  }

  private mutating func replay(_ record: JournalRecord, _ segment: inout JournalCore.Segment, _ name: String) {
    switch record {
    case .hardState(let bytes): hardState = bytes
    case .repair(let isUnderWay): isRepairing = isUnderWay
    case .startBehind(let place):
      log = []
      segment.maxIndex = max(segment.maxIndex, place.index)
    case .entry(let entry):
      segment.maxIndex = max(segment.maxIndex, entry.index)
      if let first: UInt64 = log.first?.index, let last: UInt64 = log.last?.index {
        guard entry.index <= last + 1 else {
          damage = JournalError(.corrupt, "\(disk.path)/\(name): entry \(entry.index) follows entry \(last)")
          return
        }
        if entry.index <= first { log = [] } else if entry.index <= last { log.removeLast(Int(last - entry.index + 1)) }
      }
      log.append(entry)
    }
  }

  /// The last batch may be in the kernel's cache only: the process that wrote it was killed before the sync returned, or the sync failed
  /// and the
  /// kernel calls the pages clean. It is read back as if it were durable, so it is made so: the same bytes are written again, which makes
  /// them
  /// dirty again, and synced. Every batch before it was synced before it was written.
  func makeDurable() throws(JournalError) {
    guard let active, let range: Range<Int> = last?.lastBatch else { return }
    try active.write(try active.read(at: range.lowerBound, count: range.count), at: range.lowerBound)
    do throws(JournalError) { try active.sync() } catch { throw error.asFailedSync }
  }
}
