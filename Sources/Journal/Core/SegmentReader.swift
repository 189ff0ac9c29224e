import Primitives

/// Reads a segment's batches up to its end, and tells a torn tail from damage.
///
/// The writer syncs each batch before it writes the next. So when batch n is unreadable and nothing newer is found, n was being
/// written when the member stopped: nobody was told that it is durable, and it is cut. When a newer batch, in this segment or a later
/// one, is found, or the marks say that n was synced, n *was* durable: the disk damaged it, and going on without it could break promises
/// made
/// to other members.
struct SegmentReader {
  struct Result {
    var header: SegmentHeader
    var records: [JournalRecord] = []
    /// Where the next batch goes.
    var end: Int = SegmentHeader.bytes
    /// Where the last readable batch stands; nil if there is none.
    var lastBatch: Range<Int>?
    var nextBatch: UInt64
    var chain: UInt32
    /// Bytes of a torn batch were found and are to be overwritten.
    var isTorn: Bool = false
    /// Why it ends before batches that were durable.
    var damage: JournalError?
  }

  static func corrupt(_ folder: String, _ name: String, _ offset: Int, _ reason: String, cause: (any Error)? = nil) -> JournalError {
    JournalError(
      .corrupt,
      "\(folder)/\(name) is damaged at byte \(offset): \(reason). This member must not vote with it before it is restored from its peers",
      cause: cause)
  }

  /// The header alone. Throws `.otherVersion` and `.corrupt`; what the disk cannot read is damaged as well.
  static func header(_ file: any DiskFile, folder: String, number: UInt64) throws(JournalError) -> SegmentHeader {
    let bytes: Bytes
    do throws(JournalError) { bytes = try file.read(at: 0, count: SegmentHeader.bytes) } catch {
      throw corrupt(folder, file.name, 0, "it cannot be read: \(error.message)", cause: error)
    }
    if let other: UInt32 = SegmentHeader.otherVersion(bytes) {
      throw JournalError(
        .otherVersion,
        "\(folder)/\(file.name) was written by a \(other < SegmentHeader.version ? "former" : "later") version of this program (segments of version "
          + "\(other); this one reads \(SegmentHeader.version)). Nothing was changed. Where other members run, remove this one (etcdctl member "
          + "remove), empty its folder and add it anew; else start the version that wrote it, save its state (tricenter store snapshot save FILE) "
          + "and give it to this version (tricenter store snapshot restore FILE)")
    }
    let header: SegmentHeader
    do throws(MalformedBytes) { header = try SegmentHeader(bytes) } catch {
      throw corrupt(folder, file.name, 0, "\(error)", cause: error)
    }
    guard header.number == number else { throw corrupt(folder, file.name, 0, "its header says segment \(header.number)") }
    return header
  }

  static func read(_ file: any DiskFile, _ header: SegmentHeader, folder: String, isLast: Bool) -> Result {
    var result = Result(header: header, nextBatch: header.firstBatch, chain: header.chain)
    func corrupt(_ offset: Int, _ reason: String, cause: (any Error)? = nil) -> JournalError {
      Self.corrupt(folder, file.name, offset, reason, cause: cause)
    }
    let bytes: Bytes
    do throws(JournalError) { bytes = try file.read(at: 0, count: try file.size()) } catch {
      result.damage = corrupt(0, "it cannot be read: \(error.message)", cause: error)
      return result
    }
    while true {
      guard let batch = BatchHeader(bytes, at: result.end, stamp: header.stamp), batch.number == result.nextBatch,
        let payload: Bytes = payload(of: batch, in: bytes, at: result.end, chain: result.chain)
      else { break }
      do throws(MalformedBytes) { result.records += try JournalRecord.decode(payload) } catch {
        result.damage = corrupt(result.end, "\(error) in a batch with a right checksum", cause: error)
        return result
      }
      let next: Int = result.end + BatchHeader.space(batch.length)
      result.lastBatch = result.end..<min(next, bytes.count)
      result.end = next
      result.nextBatch += 1
      result.chain = batch.checksum
    }
    if let later: Int = laterBatch(bytes, after: result.end, stamp: header.stamp, than: result.nextBatch) {
      result.damage = corrupt(result.end, "batch \(result.nextBatch) is unreadable although a later one stands at byte \(later)")
    }
    result.isTorn = isLast && BatchHeader(bytes, at: result.end, stamp: header.stamp) != nil
    return result
  }

  private static func payload(of batch: BatchHeader, in bytes: Bytes, at offset: Int, chain: UInt32) -> Bytes? {
    let start: Int = offset + JournalLimits.batchHeaderBytes
    guard batch.length <= bytes.count - start else { return nil }
    let payload: Bytes = Bytes(bytes[start..<start + batch.length])
    return Checksum.crc32c(payload, seed: chain) == batch.checksum ? payload : nil
  }

  private static func laterBatch(_ bytes: Bytes, after offset: Int, stamp: UInt64, than number: UInt64) -> Int? {
    var place: Int = offset
    while place + JournalLimits.batchHeaderBytes <= bytes.count {
      if let batch = BatchHeader(bytes, at: place, stamp: stamp), batch.number > number { return place }
      place += JournalLimits.alignment
    }
    return nil
  }
}
