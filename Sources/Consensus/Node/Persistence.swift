import Primitives

/// What waits to be taken, and what waits for the disk.
struct PendingOutput: Sendable {
  struct Held: Sendable {
    var message: RaftMessage
    /// The output that must be durable first; nil: the next one.
    var sequence: UInt64?
  }
  private(set) var unsynced: [Unsynced] = []
  struct Unsynced: Sendable {
    var sequence: UInt64
    var lastIndex: UInt64
  }

  var messages: [RaftMessage] = []
  var held: [Held] = []
  var snapshot: SnapshotMetadata?
  var droppedReads: [UInt64] = []
  var droppedProposals: [DroppedProposal] = []
  /// What the shell was last given.
  var saved = HardState()
  var toldLeadership = Leadership(role: .follower, term: 0, leader: nil)
  var fault: ConsensusError?
  var isFaultTold: Bool = false
  var sequence: UInt64 = 0

  mutating func begin(lastIndex: UInt64) -> UInt64 {
    sequence += 1
    unsynced.append(Unsynced(sequence: sequence, lastIndex: lastIndex))
    return sequence
  }

  /// What was handed out from `index` on is replaced: its sync says nothing of what stands there now.
  mutating func truncate(from index: UInt64) {
    for place in unsynced.indices { unsynced[place].lastIndex = min(unsynced[place].lastIndex, index - 1) }
  }

  /// Returns the last index that is durable now, if one is known.
  mutating func finish(_ sequence: UInt64) -> UInt64? {
    var last: UInt64?
    while let first = unsynced.first, first.sequence <= sequence {
      last = first.lastIndex
      unsynced.removeFirst()
    }
    return last
  }
}

extension RaftNode {
  /// Everything to be done after the calls made since the last output: see `RaftOutput` for the order. Call it until it is
  /// empty, after each batch of calls.
  public mutating func takeOutput() -> RaftOutput {
    if role == .leader {
      startWaitingReads()
      replicate()
    }
    var output = RaftOutput()
    let hardState = HardState(term: term, vote: vote, commit: commit)
    if !isHalted {
      output.snapshot = pending.snapshot
      pending.snapshot = nil
      output.entries = log.takeUnsaved()
      let mustSync: Bool =
        hardState.term != pending.saved.term || hardState.vote != pending.saved.vote || !output.entries.isEmpty || output.snapshot != nil
      if mustSync { output.sequence = pending.begin(lastIndex: log.lastIndex) }
      if hardState != pending.saved {
        output.hardState = hardState
        pending.saved = hardState
      }
      scheduleHeld()
      output.messages = pending.messages
      pending.messages.removeAll(keepingCapacity: true)
      handOut(into: &output)
    }
    output.droppedReads = pending.droppedReads
    pending.droppedReads.removeAll(keepingCapacity: true)
    output.droppedProposals = pending.droppedProposals
    pending.droppedProposals.removeAll(keepingCapacity: true)
    let leadership = Leadership(role: role, term: term, leader: leader)
    if leadership != pending.toldLeadership {
      output.leadership = leadership
      pending.toldLeadership = leadership
    }
    if let fault = pending.fault, !pending.isFaultTold {
      output.fault = fault
      pending.isFaultTold = true
    }
    return output
  }

  private mutating func scheduleHeld() {
    guard !pending.held.isEmpty else { return }
    if pending.unsynced.isEmpty { return release(upTo: pending.sequence) }
    for place in pending.held.indices where pending.held[place].sequence == nil { pending.held[place].sequence = pending.sequence }
  }

  private mutating func handOut(into output: inout RaftOutput) {
    if commit > handedOut, handedOut - min(appliedIndex, handedOut) < ConsensusLimits.maxUnappliedEntries {
      output.committed = Array(
        log.slice(from: handedOut + 1, upTo: commit, count: .max >> 1, bytes: ConsensusLimits.maxCommittedBytesPerOutput))
      handedOut = output.committed.last?.index ?? handedOut
    }
    if !reads.ready.isEmpty {
      output.reads = reads.ready.filter { $0.index <= handedOut }
      reads.ready.removeAll { $0.index <= handedOut }
    }
  }

  /// The output with this `sequence`, and every one before it, is durable.
  public mutating func persisted(_ sequence: UInt64) {
    guard !isHalted else { return }
    if let last = pending.finish(sequence) { log.markDurable(upTo: last) }
    release(upTo: sequence)
    commitWhatMajorityHas()
  }

  private mutating func release(upTo sequence: UInt64) {
    guard !pending.held.isEmpty else { return }
    let held: [PendingOutput.Held] = pending.held
    pending.held.removeAll(keepingCapacity: true)
    for one in held {
      let isDue: Bool = one.sequence.map { $0 <= sequence } ?? pending.unsynced.isEmpty
      if !isDue {
        pending.held.append(one)
      } else if one.message.term == term {
        // What was promised in an older term is of no use to anyone any more.
        if one.message.to == id { step(one.message) } else { pending.messages.append(one.message) }
      }
    }
  }

  /// The state machine has applied every entry up to `index`.
  public mutating func applied(upTo index: UInt64) {
    precondition(index <= handedOut, "entry \(index) cannot be applied: only \(handedOut) were handed out")
    appliedIndex = max(appliedIndex, index)
  }
}
