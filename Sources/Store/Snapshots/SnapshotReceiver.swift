import Consensus
import Journal
import Keyspace
import Logging
import Primitives
import Synchronization

/// A snapshot that arrives: written and decoded on the journal's thread, chunk by chunk. Consensus hears of it when it is durable.
struct SnapshotReceiver {
  /// What the journal's thread works on; the loop only holds on to it.
  final class Work: Sendable {
    struct State: Sendable {
      var writer: SnapshotWriter?
      var decoder: SnapshotDecoder
      var failure: String?
    }
    let state: Mutex<State>
    init(_ values: ValueFiles?) { state = Mutex(State(decoder: SnapshotDecoder(values: values))) }
  }
  var transfer: UInt64
  var from: MemberID
  var metadata: SnapshotMetadata
  var expected: UInt64 = 0
  let began: MonotonicTime
  var lastProgress: MonotonicTime
  let work: Work
}

extension MemberCore {
  func beginReceiving(_ transfer: UInt64, from member: MemberID, _ bytes: Bytes) {
    guard let metadata: SnapshotMetadata = try? SnapshotMetadata.decode(bytes) else { return refuse(transfer, member) }
    // The same once more: the link broke, and the sender asks where to go on.
    if let current: SnapshotReceiver = receiver, current.transfer == transfer, current.from == member, current.metadata == metadata {
      receiver?.lastProgress = now
      return acknowledge(transfer, member, current.expected)
    }
    abandonReceiving()
    let next = SnapshotReceiver(
      transfer: transfer, from: member, metadata: metadata, began: now, lastProgress: now, work: SnapshotReceiver.Work(values))
    receiver = next
    metrics.snapshots.underWay(.receive, name(of: member), count: 1)
    // For one that goes on with what an earlier start of this member had.
    acknowledge(transfer, member, 0)
    journal.perform { core in
      next.work.state.withLock { state in
        do throws(JournalError) {
          state.writer = try core.beginSnapshot(index: metadata.index, term: metadata.term, metadata: bytes)
        } catch { state.failure = error.message }
      }
    }
  }

  func receiveChunk(_ transfer: UInt64, from member: MemberID, _ number: UInt64, _ bytes: Bytes) {
    guard let current: SnapshotReceiver = receiver, current.transfer == transfer, current.from == member else { return }
    // Twice: sent before the link broke and after.
    guard number >= current.expected else { return }
    guard number == current.expected else {
      abandonReceiving()
      return refuse(transfer, member)
    }
    receiver?.expected += 1
    receiver?.lastProgress = now
    let (eventLoop, handle) = (eventLoop, handle)
    journal.perform { _ in
      let failed: Bool = current.work.state.withLock { state in
        guard state.failure == nil, var writer: SnapshotWriter = state.writer else { return true }
        do {
          try writer.append(bytes)
          try state.decoder.consume(bytes)
        } catch { state.failure = "\(error)" }
        state.writer = writer
        return state.failure != nil
      }
      eventLoop.execute { handle.value.onChunkWritten(transfer, from: member, number + 1, failed: failed) }
    }
  }

  private func onChunkWritten(_ transfer: UInt64, from member: MemberID, _ chunks: UInt64, failed: Bool) {
    guard receiver?.transfer == transfer else { return }
    if failed {
      abandonReceiving()
      return refuse(transfer, member)
    }
    acknowledge(transfer, member, chunks)
  }

  private func acknowledge(_ transfer: UInt64, _ member: MemberID, _ chunks: UInt64) {
    _ = link.send(bytes: StoreFrame.snapshotAcknowledged(transfer: transfer, chunks: chunks).encodedBytes(), to: member, priority: .normal)
  }

  func endReceiving(_ transfer: UInt64, from member: MemberID, _ chunks: UInt64, _ bytes: Bytes) {
    guard let current: SnapshotReceiver = receiver, current.transfer == transfer, current.from == member else { return }
    receiver = nil
    // The message is the leader's, who need not be the one that sends.
    guard chunks == current.expected, let message: RaftMessage = try? RaftMessage.decode(bytes),
      node.membership.isMember(message.from) || roster.contains(where: { $0.id == message.from }),
      message.to == configuration.memberID, case .snapshot(let metadata) = message.body, metadata == current.metadata
    else {
      metrics.snapshots.ended(.receive, name(of: member), within: nil)
      return refuse(transfer, member)
    }
    let (eventLoop, handle) = (eventLoop, handle)
    journal.perform { core in
      let result: Result<Keyspace, KeyspaceError> = current.work.state.withLock { state in
        guard state.failure == nil, let writer: SnapshotWriter = state.writer else {
          return .failure(KeyspaceError(.malformed, state.failure ?? "nothing was written"))
        }
        state.writer = nil
        do {
          // Whole and right before it gets its name.
          let keyspace: Keyspace = try state.decoder.finish()
          try core.finish(writer)
          return .success(keyspace)
        } catch {
          core.abandon(writer)
          return .failure(KeyspaceError(.malformed, "\(error)", cause: error))
        }
      }
      eventLoop.execute { handle.value.onReceived(current, message, result) }
    }
  }

  private func onReceived(
    _ received: SnapshotReceiver, _ message: RaftMessage, _ result: Result<Keyspace, KeyspaceError>
  ) {
    guard failure == nil else { return }
    switch result {
    case .success(let keyspace):
      metrics.snapshots.ended(.receive, name(of: received.from), within: now - received.began)
      // Frames that came meanwhile are in the node already; its answer decides whether this is still wanted.
      drain()
      staged = (keyspace, received.metadata)
      node.step(message)
      drain()
      staged = nil
    case .failure(let error):
      metrics.snapshots.ended(.receive, name(of: received.from), within: nil)
      logger.error("a received snapshot cannot be used", metadata: ["reason": "\(error.message)"])
      refuse(received.transfer, received.from)
    }
  }

  private func refuse(_ transfer: UInt64, _ member: MemberID) {
    _ = link.send(bytes: StoreFrame.snapshotRefused(transfer: transfer).encodedBytes(), to: member, priority: .normal)
  }

  func abandonReceiving() {
    guard let current: SnapshotReceiver = receiver else { return }
    receiver = nil
    metrics.snapshots.ended(.receive, name(of: current.from), within: nil)
    journal.perform { core in
      current.work.state.withLock { state in
        if let writer: SnapshotWriter = state.writer { core.abandon(writer) }
        state.writer = nil
        state.failure = "given up"
      }
    }
  }
}
