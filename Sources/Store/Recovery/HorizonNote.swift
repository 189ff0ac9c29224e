import Journal
import Primitives

/// How far the leader was when this member heard it last, kept over a restart: survivors of a lost majority are often started again, by
/// their
/// supervisor or by people, before anybody asks them. `horizon` in the member's folder, written over once a second and never synced: a
/// process that ends loses at most a second of it, a host whose power fails may lose more, and the certificate then says an earlier time.
struct HorizonNote {
  static let name: String = "horizon"
  private static let bytes: Int = 44

  static func read(_ disk: any Disk, epoch: UInt64) -> SurvivorReport.Horizon? {
    guard let file: any DiskFile = try? disk.open(name, create: false) else { return nil }
    defer { file.close() }
    guard let note: Bytes = try? file.read(at: 0, count: bytes), note.count == bytes else { return nil }
    var reader = ByteReader(note)
    var words: [UInt64] = []
    while words.count < 5, let word: UInt64 = try? reader.fixed64() { words.append(word) }
    guard let check: UInt32 = try? reader.fixed32(), check == CRC32C.checksum(Bytes(note[..<(bytes - 4)])), words[0] == epoch else {
      return nil
    }
    return SurvivorReport.Horizon(
      index: words[1], revision: Int64(bitPattern: words[2]),
      heard: WallTime(secondsSince1970: Int64(bitPattern: words[3]), nanoseconds: Int32(truncatingIfNeeded: words[4])))
  }

  /// Leaders of another epoch led another cluster.
  static func encode(_ horizon: SurvivorReport.Horizon, epoch: UInt64) -> Bytes {
    var writer = ByteWriter(reserving: bytes)
    writer.fixed64(epoch)
    writer.fixed64(horizon.index)
    writer.fixed64(UInt64(bitPattern: horizon.revision))
    writer.fixed64(UInt64(bitPattern: horizon.heard.secondsSince1970))
    writer.fixed64(UInt64(horizon.heard.nanoseconds))
    writer.fixed32(CRC32C.checksum(writer.bytes))
    return writer.take()
  }
}

extension MemberCore {
  /// Once a second, on the journal's thread.
  func noteHorizon() {
    guard let horizon, horizon != notedHorizon else { return }
    notedHorizon = horizon
    let (bytes, disk): (Bytes, any Disk) = (HorizonNote.encode(horizon, epoch: epoch.epoch), disk)
    journal.perform { _ in
      guard let file: any DiskFile = try? disk.open(HorizonNote.name, create: true) else { return }
      try? file.write(bytes, at: 0)
      file.close()
    }
  }
}
