import Journal
import Primitives
import SiteLink

/// A small file of a member's folder with a checksum in front, replaced as a whole. Whoever calls holds the folder's lock.
struct CheckedFile {
  var name: String

  /// nil: there is none. Throws `.damaged`.
  func read(_ disk: any Disk) throws -> Bytes? {
    guard try disk.list().contains(name) else { return nil }
    let file: any DiskFile = try disk.open(name, create: false)
    defer { file.close() }
    var reader = ByteReader(try file.read(at: 0, count: try file.size()))
    let checksum: UInt32 = try reader.fixed32()
    let content = Bytes(reader.bytes.dropFirst(4))
    guard checksum == CRC32C.checksum(content) else {
      throw StoreError(.damaged, "\(disk.path)/\(name) is damaged")
    }
    return content
  }

  func write(_ content: Bytes, _ disk: any Disk) throws {
    let partial: String = "\(name).partial"
    if try disk.list().contains(partial) { try disk.remove(partial) }
    var writer = ByteWriter()
    writer.fixed32(CRC32C.checksum(content))
    writer.raw(content)
    let file: any DiskFile = try disk.open(partial, create: true)
    do {
      try file.write(writer.take(), at: 0)
      try file.sync()
      file.close()
    } catch {
      file.close()
      throw error
    }
    try disk.rename(partial, to: name)
    try disk.syncDirectory()
  }
}

/// `epoch` in a member's folder: of which epoch of the cluster it is. A folder without it is of epoch 0.
struct EpochRecord: Hashable, Sendable {
  var epoch: UInt64 = 0
  /// Of the order that founded it (`Recovery.mark`): two groups of survivors may have used the same number. 0: not known.
  var mark: UInt64 = 0
  /// The log began empty in this epoch: the configured founders do not vote in it, the others' log says who does.
  var isRejoined: Bool = false
  /// What it had before is being put aside.
  var isClearing: Bool = false

  private static let file = CheckedFile(name: "epoch")

  static func read(_ disk: any Disk) throws -> EpochRecord {
    try file.read(disk).map { try EpochRecord($0) } ?? EpochRecord()
  }

  init() {}

  init(epoch: UInt64, mark: UInt64, isRejoined: Bool = false, isClearing: Bool = false) {
    (self.epoch, self.mark, self.isRejoined, self.isClearing) = (epoch, mark, isRejoined, isClearing)
  }

  /// As members greet each other.
  var onLinks: LinkEpoch { LinkEpoch(number: epoch, mark: mark) }

  init(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 || version == 2 else { throw reader.malformed("epoch of version \(version): upgrade this member") }
    let (epoch, flags): (UInt64, UInt8) = (try reader.unsigned(), try reader.byte())
    // Version 1 had no marks.
    let mark: UInt64 = version == 1 ? 0 : try reader.fixed64()
    try reader.finish()
    self.init(epoch: epoch, mark: mark, isRejoined: flags & 1 != 0, isClearing: flags & 2 != 0)
  }

  func write(_ disk: any Disk) throws {
    var writer = ByteWriter()
    writer.byte(2)
    writer.unsigned(epoch)
    writer.byte((isRejoined ? 1 : 0) | (isClearing ? 2 : 0))
    writer.fixed64(mark)
    try Self.file.write(writer.take(), disk)
  }
}
