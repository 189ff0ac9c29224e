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

  init(limits: LinkLimits) { self.limits = limits }

  var queuedBytes: Int { bytes.reduce(0, +) }
  var isEmpty: Bool { frames.allSatisfy(\.isEmpty) }

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

  /// Moves chunks into `buffer` until it holds `limit` bytes or nothing waits.
  mutating func take(upTo limit: Int, into buffer: inout ByteBuffer) {
    while buffer.readableBytes < limit, let priority: LinkPriority = nextClass() { takeChunk(priority, into: &buffer) }
  }

  private mutating func nextClass() -> LinkPriority? {
    if !frames[0].isEmpty { return .urgent }
    if frames[1].isEmpty || (normalInARow >= Self.bulkShare && !frames[2].isEmpty) {
      normalInARow = 0
      return frames[2].isEmpty ? nil : .bulk
    }
    normalInARow += 1
    return .normal
  }

  private mutating func takeChunk(_ priority: LinkPriority, into buffer: inout ByteBuffer) {
    let index = Int(priority.rawValue)
    let left: Int = frames[index][frames[index].startIndex].readableBytes
    if left <= limits.chunkBytes {
      let frame: ByteBuffer = frames[index].removeFirst()
      bytes[index] -= left
      Frame.writeChunk(frame, priority, isLast: true, to: &buffer)
      return
    }
    guard let chunk: ByteBuffer = frames[index][frames[index].startIndex].readSlice(length: limits.chunkBytes) else {
      preconditionFailure("\(left) bytes were there and are not")
    }
    bytes[index] -= limits.chunkBytes
    Frame.writeChunk(chunk, priority, isLast: false, to: &buffer)
  }

  /// The link went down: what the peer got of it nobody knows, and the protocol above sends anew.
  mutating func removeAll() {
    for index in frames.indices { frames[index].removeAll() }
    bytes = [0, 0, 0]
    normalInARow = 0
  }
}
