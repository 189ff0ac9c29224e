import NIOCore
import Primitives

/// What waits for one peer: three queues with a limit each, taken chunk by chunk. A value.
///
/// Order: everything urgent, then what is normal; after `bulkShare` normal chunks one bulk chunk, so that a snapshot arrives even while
/// appends never end. Within a class, frames keep their order.
struct SendQueue {
  static let bulkShare: Int = 15

  private let limits: LinkLimits
  private var frames: [CircularBuffer<ByteBuffer>] = [CircularBuffer(), CircularBuffer(), CircularBuffer()]
  private var bytes: [Int] = [0, 0, 0]
  private var normalInARow: Int = 0
  /// Chunks as they left, headers included, and as they were before compression.
  private(set) var sent = LinkTraffic()
  private(set) var sentUncompressed: Int64 = 0

  init(limits: LinkLimits) { self.limits = limits }

  var queuedBytes: Int { bytes.reduce(0, +) }
  var isEmpty: Bool { frames.allSatisfy(\.isEmpty) }
  var hasUrgent: Bool { !frames[0].isEmpty }
  var hasEntries: Bool { !frames[1].isEmpty }
  var hasBulk: Bool { !frames[2].isEmpty }

  /// False if the frame is larger than a frame may be or its queue is full; nothing is kept then.
  mutating func append(_ frame: ByteBuffer, _ priority: LinkPriority) -> Bool {
    let index = Int(priority.rawValue)
    let size: Int = frame.readableBytes
    guard size <= limits.frameBytes, bytes[index] + size <= limits.queueBytes(priority), frames[index].count < limits.queuedFrames else {
      return false
    }
    frames[index].append(frame)
    bytes[index] += size
    return true
  }

  /// Moves chunks into `buffer` until it holds `limit` bytes or nothing waits. Entries stop once `entries` bytes of them went, bulk once
  /// `bulk` did; returns how many of each.
  @discardableResult
  mutating func take(
    upTo limit: Int, entries: Int = .max, bulk: Int = .max, compressor: Compressor? = nil, into buffer: inout ByteBuffer
  ) -> (entries: Int, bulk: Int) {
    var taken: (entries: Int, bulk: Int) = (0, 0)
    while buffer.readableBytes < limit,
      let priority: LinkPriority = nextClass(mayEntries: taken.entries < entries, mayBulk: taken.bulk < bulk)
    {
      let before: Int = buffer.readableBytes
      takeChunk(priority, compressor, into: &buffer)
      let bytes: Int = buffer.readableBytes - before
      sent[priority] += Int64(bytes)
      switch priority {
      case .urgent: break
      case .normal: taken.entries += bytes
      case .bulk: taken.bulk += bytes
      }
    }
    return taken
  }

  private mutating func nextClass(mayEntries: Bool, mayBulk: Bool) -> LinkPriority? {
    if !frames[0].isEmpty { return .urgent }
    let isBulkDue: Bool = mayBulk && !frames[2].isEmpty
    if frames[1].isEmpty || (normalInARow >= Self.bulkShare && isBulkDue) {
      normalInARow = 0
      return isBulkDue ? .bulk : nil
    }
    // Entries that wait for the wire keep bulk waiting, too: its share is one of what went.
    guard mayEntries else { return nil }
    normalInARow += 1
    return .normal
  }

  private mutating func takeChunk(_ priority: LinkPriority, _ compressor: Compressor?, into buffer: inout ByteBuffer) {
    let index = Int(priority.rawValue)
    let left: Int = frames[index][frames[index].startIndex].readableBytes
    // What shrinks may be larger before: small chunks compress a quarter worse, and on the wire it is as short.
    let isSmall: Bool = priority == .bulk && !(compressor?.isShrinking ?? false)
    let size: Int = min(left, isSmall ? limits.bulkChunkBytes : limits.chunkBytes)
    let chunk: ByteBuffer
    if size == left {
      chunk = frames[index].removeFirst()
    } else {
      guard let slice: ByteBuffer = frames[index][frames[index].startIndex].readSlice(length: size) else {
        preconditionFailure("\(left) bytes were there and are not")
      }
      chunk = slice
    }
    bytes[index] -= size
    sentUncompressed += Int64(size + Frame.headerBytes)
    if size >= limits.compressedFrom, let compressed: ByteBuffer = compressor?.compress(chunk) {
      Frame.writeChunk(compressed, priority, isLast: size == left, isCompressed: true, to: &buffer)
    } else {
      Frame.writeChunk(chunk, priority, isLast: size == left, to: &buffer)
    }
  }

  /// The link went down: what the peer got of it nobody knows, and the protocol above sends anew.
  mutating func removeAll() {
    for index in frames.indices { frames[index].removeAll() }
    bytes = [0, 0, 0]
    normalInARow = 0
  }
}
