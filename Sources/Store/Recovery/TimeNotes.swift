import Journal
import Primitives

/// When which entry was written, to the second: entries carry no time, and whoever sorts out what two centers wrote apart asks for it.
/// `times` in the member's folder, a ring of the newest notes; never synced on purpose, since nothing depends on it.
struct TimeNotes: Sendable {
  static let name: String = "times"
  private static let noteBytes: Int = 20
  private var notes: [(index: UInt64, seconds: Int64)] = []

  static func read(_ disk: any Disk) -> TimeNotes {
    var result = TimeNotes()
    guard let file: any DiskFile = try? disk.open(name, create: false) else { return result }
    defer { file.close() }
    let bytes: Bytes = (try? file.read(at: 0, count: StoreLimits.timeNotes * noteBytes)) ?? []
    for place in 0..<(bytes.count / noteBytes) {
      let note = Bytes(bytes[(place * noteBytes)..<((place + 1) * noteBytes)])
      var reader = ByteReader(note)
      guard let index: UInt64 = try? reader.fixed64(), let seconds: UInt64 = try? reader.fixed64(),
        let check: UInt32 = try? reader.fixed32(),
        check == CRC32C.checksum(Bytes(note[..<16])), index > 0
      else { continue }
      result.notes.append((index, Int64(bitPattern: seconds)))
    }
    result.notes.sort { $0 < $1 }
    return result
  }

  /// When the entry was there for certain; where nobody noted that, when it was not yet.
  func time(of index: UInt64) -> WallTime? {
    let note = notes.first { $0.index >= index } ?? notes.last
    return note.map { WallTime(secondsSince1970: $0.seconds) }
  }

  static func encode(_ index: UInt64, _ time: WallTime) -> Bytes {
    var writer = ByteWriter(reserving: noteBytes)
    writer.fixed64(index)
    writer.fixed64(UInt64(bitPattern: time.secondsSince1970))
    writer.fixed32(CRC32C.checksum(writer.bytes))
    return writer.take()
  }

  static func offset(_ number: Int) -> Int { number % StoreLimits.timeNotes * noteBytes }
}

extension MemberCore {
  /// Once a second, on the journal's thread.
  func noteTime() {
    guard lastIndex > notedIndex else { return }
    notedIndex = lastIndex
    noteCount += 1
    let (bytes, offset, disk): (Bytes, Int, any Disk) = (TimeNotes.encode(lastIndex, clock.wall()), TimeNotes.offset(noteCount), disk)
    journal.perform { _ in
      guard let file: any DiskFile = try? disk.open(TimeNotes.name, create: true) else { return }
      // A note that cannot be written is a note less.
      try? file.write(bytes, at: offset)
      file.close()
    }
  }
}
