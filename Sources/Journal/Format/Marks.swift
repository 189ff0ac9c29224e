import Primitives

/// `marks`: what the journal says about itself in a second place. Two slots, each in a sector of its own page, written in turn, so that a
/// torn or
/// lost write leaves the one before.
///
///     slot = "TRICMARK" version(4) sequence(8) batch(8) length(4) hard state CRC-32C of these(4)
///
/// It closes the two gaps that a log alone cannot (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018,
/// §3.3.3):
/// - An unreadable *last* batch may have been torn by a crash or damaged after it was synced. `batch` is one that surely was synced, noted
///   without a sync of its own when the journal has nothing else to do, so damage at rest is told from a torn tail.
/// - A vote may stand in the very batch that is damaged. It is synced here, too, before anybody is told of it, so what this member
///   promised is known unless two files are damaged at once.
struct Marks: Hashable, Sendable {
  static let name: String = "marks"
  static let version: UInt32 = 1
  static let slotBytes: Int = JournalLimits.alignment
  /// Distance of the slots: a page each.
  static let stride: Int = 4096
  static let fileBytes: Int = 2 * stride

  var sequence: UInt64 = 0
  /// This batch and all before it were synced.
  var batch: UInt64 = 0
  /// Empty: there was none.
  var hardState: Bytes = []

  init() {}

  func encode() -> Bytes {
    var writer = ByteWriter(reserving: Self.slotBytes)
    writer.raw(Bytes("TRICMARK"))
    writer.fixed32(Self.version)
    writer.fixed64(sequence)
    writer.fixed64(batch)
    writer.fixed32(UInt32(hardState.count))
    writer.raw(hardState)
    writer.fixed32(Checksum.crc32c(writer.bytes))
    return writer.bytes + Bytes(repeating: 0, count: Self.slotBytes - writer.bytes.count)
  }

  /// nil for anything that was not written as a slot.
  init?(_ bytes: Bytes) {
    var reader = ByteReader(bytes)
    do throws(MalformedBytes) {
      guard try reader.raw(8) == Bytes("TRICMARK"), try reader.fixed32() == Self.version else { return nil }
      sequence = try reader.fixed64()
      batch = try reader.fixed64()
      let length: Int = Int(try reader.fixed32())
      guard length <= JournalLimits.hardStateBytes else { return nil }
      hardState = try reader.raw(length)
      let expected: UInt32 = Checksum.crc32c(Bytes(bytes[..<reader.offset]))
      guard try reader.fixed32() == expected else { return nil }
    } catch { return nil }
  }
}

/// The open file.
struct MarksFile: Sendable {
  private let file: any DiskFile
  private(set) var marks: Marks
  /// Holds the newest marks that are surely on disk. Only the other slot is written.
  private var safeSlot: Int

  /// The newest readable marks, nil if there are none, and the file, made where it was missing.
  static func open(_ disk: any Disk, _ names: [String]) throws(JournalError) -> (file: MarksFile, marks: Marks?) {
    guard names.contains(Marks.name) else {
      let file: any DiskFile = try disk.open(Marks.name, create: true)
      try file.write(Bytes(repeating: 0, count: Marks.fileBytes), at: 0)
      try file.sync()
      try disk.syncDirectory()
      return (MarksFile(file: file, marks: Marks(), safeSlot: 1), nil)
    }
    let file: any DiskFile = try disk.open(Marks.name, create: false)
    var newest: Marks?
    var safeSlot: Int = 1
    for slot in 0..<2 {
      // A slot that cannot be read says nothing; what it should have said is then missing, and the opening decides what that means.
      let bytes: Bytes
      do throws(JournalError) { bytes = try file.read(at: slot * Marks.stride, count: Marks.slotBytes) } catch { continue }
      if let marks = Marks(bytes), marks.sequence >= newest?.sequence ?? 0 {
        newest = marks
        safeSlot = slot
      }
    }
    return (MarksFile(file: file, marks: newest ?? Marks(), safeSlot: safeSlot), newest)
  }

  /// Durable with `sync`; otherwise some time later.
  mutating func write(batch: UInt64, hardState: Bytes?, sync: Bool) throws(JournalError) {
    marks.sequence += 1
    marks.batch = max(marks.batch, batch)
    if let hardState { marks.hardState = hardState }
    try file.write(marks.encode(), at: (1 - safeSlot) * Marks.stride)
    guard sync else { return }
    do throws(JournalError) { try file.sync() } catch { throw error.asFailedSync }
    safeSlot = 1 - safeSlot
  }

  func close() { file.close() }
}
