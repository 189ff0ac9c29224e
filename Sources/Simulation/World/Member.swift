import Consensus
import Journal
import Keyspace
import Primitives

/// One simulated host: a disk that lasts, and a process that does not.
struct Member {
  let disk: SimulatedDisk
  /// Grows with every start; what was scheduled for an earlier life does not happen.
  var life: Int = 0
  var process: Process?
  var isPaused: Bool = false
  /// What arrived while it stood still.
  var backlog: [SimulationEvent] = []
  var extraDiskTime: Int64 = 0
  /// It shall die in the middle of its next write, and stay down for so long.
  var doom: Int64?

  /// A class, since copying one (dozens of references) at every look is what a debug build would spend its time on.
  final class Process {
    var node: RaftNode
    var journal: JournalCore
    var keyspace: Keyspace
    var disk = DiskQueue()
    /// Requests of clients that wait here.
    var waiting: [UInt64: ClientRequest] = [:]
    var reading: [UInt64: ClientRequest] = [:]
    var nextRead: UInt64 = 0
    /// The contents of the snapshot that is being installed.
    var received: (index: UInt64, keyspace: Keyspace)?
    var isSnapshotQueued: Bool = false

    init(node: RaftNode, journal: JournalCore, keyspace: Keyspace) {
      self.node = node
      self.journal = journal
      self.keyspace = keyspace
    }
  }

  /// What the journal's thread has to do, in order.
  struct DiskQueue {
    enum Work {
      case append(JournalBatch, sequence: UInt64)
      case snapshot(SnapshotMetadata, [Bytes])
      /// From the leader: the node is told when it is durable.
      case received(SnapshotMetadata, Envelope, Keyspace)
    }
    var queued: [Work] = []
    /// Being written: all appends at the front of the queue at once, or one snapshot.
    var running: [Work] = []
  }
}
