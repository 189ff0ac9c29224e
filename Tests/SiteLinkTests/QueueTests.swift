import NIOCore
import Primitives
import Testing

@testable import SiteLink

@Suite struct QueueTests {
  private func frame(_ byte: UInt8, _ count: Int) -> ByteBuffer { ByteBuffer(repeating: byte, count: count) }

  /// The first payload byte and class of each chunk in the order in which they leave.
  private func order(_ queue: inout SendQueue) -> [String] {
    var wire = ByteBuffer()
    queue.take(upTo: .max, into: &wire)
    var chunks: [String] = []
    while let (length, _, priority, _, _) = wire.readMultipleIntegers(as: (UInt32, UInt8, UInt8, UInt8, UInt8).self) {
      let payload: ByteBuffer = wire.readSlice(length: Int(length)) ?? ByteBuffer()
      chunks.append("\(["u", "n", "b"][Int(priority)])\(payload.getInteger(at: payload.readerIndex, as: UInt8.self) ?? 0)")
    }
    return chunks
  }

  @Test func theUrgentGoFirstAndBulkIsNotStarved() {
    var limits = LinkLimits()
    limits.chunkBytes = 1024
    limits.bulkChunkBytes = 1024
    var queue = SendQueue(limits: limits)
    offer(frame(9, 3000), .bulk, to: &queue)
    for number in 0..<20 { offer(frame(UInt8(number), 10), .normal, to: &queue) }
    offer(frame(1, 10), .urgent, to: &queue)
    let all: [String] = order(&queue)
    #expect(all[0] == "u1")
    #expect(all.firstIndex(of: "b9") == 1 + SendQueue.bulkShare)
    #expect(all.filter { $0.hasPrefix("n") } == (0..<20).map { "n\($0)" })
    #expect(all.count { $0 == "b9" } == 3)
    #expect(queue.isEmpty && queue.queuedBytes == 0)
  }

  @Test func entriesThatMayNotGoKeepBulkWaitingAndNothingUrgent() {
    var limits = LinkLimits()
    limits.chunkBytes = 1024
    limits.bulkChunkBytes = 1024
    var queue = SendQueue(limits: limits)
    offer(frame(9, 3000), .bulk, to: &queue)
    offer(frame(2, 3000), .normal, to: &queue)
    offer(frame(1, 10), .urgent, to: &queue)
    var wire = ByteBuffer()
    let (first, second) = (queue.take(upTo: .max, entries: 1500, into: &wire), queue.take(upTo: .max, entries: 0, into: &wire))
    #expect(first == (2 * (1024 + Frame.headerBytes), 0) && second == (0, 0) && queue.hasEntries && queue.hasBulk && !queue.hasUrgent)
    #expect(queue.take(upTo: .max, into: &wire).bulk > 3000 && queue.isEmpty)
  }

  @Test func everyQueueHasItsLimit() {
    var limits = LinkLimits()
    limits.urgentQueueBytes = 1000
    limits.normalQueueBytes = 2000
    limits.bulkQueueBytes = 200_000
    limits.frameBytes = 100_000
    limits.queuedFrames = 10
    var queue = SendQueue(limits: limits)
    offer(frame(1, 1000), .urgent, to: &queue)
    offer(frame(1, 1), .urgent, to: &queue, isTaken: false)
    offer(frame(1, 2001), .normal, to: &queue, isTaken: false)
    offer(frame(1, 1999), .normal, to: &queue)
    offer(frame(1, 100_001), .bulk, to: &queue, isTaken: false)
    offer(frame(1, 100_000), .bulk, to: &queue)
    offer(frame(1, 100_000), .bulk, to: &queue)
    offer(frame(1, 1), .bulk, to: &queue, isTaken: false)
    #expect(queue.queuedBytes == 202_999)
    queue.removeAll()
    for _ in 0..<10 { offer(frame(1, 0), .normal, to: &queue) }
    offer(frame(1, 0), .normal, to: &queue, isTaken: false)
  }

  @Test func retriesGrowToTheirLimitAndDiffer() {
    let limits = LinkLimits()
    var one = Backoff(limits: limits, seed: 1)
    var same = Backoff(limits: limits, seed: 1)
    var other = Backoff(limits: limits, seed: 2)
    let waits: [Duration] = (0..<12).map { _ in one.next() }
    let sameWaits: [Duration] = (0..<12).map { _ in same.next() }
    let otherWaits: [Duration] = (0..<12).map { _ in other.next() }
    #expect(waits == sameWaits)
    #expect(waits != otherWaits)
    #expect(waits[0] >= .milliseconds(25) && waits[0] <= .milliseconds(50))
    #expect(waits[8...].allSatisfy { $0 >= .milliseconds(500) && $0 <= .seconds(1) })
    one.reset()
    let again: Duration = one.next()
    #expect(again <= .milliseconds(50))
  }
}
