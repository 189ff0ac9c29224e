import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// How far the repair of a damaged log is (`Consensus/Node/Repair.swift` says why this is safe).
///
///     damaged member                        leader
///        │ ── lost(repair) ───────────────────▶ │  forgets what it acknowledged
///        │ ◀── repairTarget(term, index) ────── │
///        │ ◀── entries or a snapshot ────────── │
///        │ on disk and committed up to index
///        │ journal: "repaired", synced
///        ▼ votes and serves again
struct Repair {
  /// Differs at each start and after each silence of the log.
  var number: UInt64
  var target: UInt64?
  /// When it asked last, and how far it was then.
  var asked: MonotonicTime?
  var indexWhenAsked: UInt64 = 0
  var isEnding: Bool = false
}

extension MemberCore {
  static let repairRefusal = KeyspaceError(
    .unavailable, "this member's log was damaged and is being repaired from the leader: ask another member, or wait")

  /// With each tick.
  func askForRepair() {
    guard var current: Repair = repair, !current.isEnding, let leader: MemberID = node.currentLeader, leader != configuration.memberID
    else {
      return
    }
    if let asked: MonotonicTime = current.asked {
      guard now - asked >= StoreLimits.repairPatience else { return }
      // Something undid what the leader knew of this log, say a late frame of its former life: it is asked anew.
      if node.durableIndex == current.indexWhenAsked, receiver == nil { current.number &+= 1 }
    }
    current.asked = now
    current.indexWhenAsked = node.durableIndex
    repair = current
    _ = link.send(bytes: StoreFrame.lost(repair: current.number).encodedBytes(), to: leader, priority: .normal)
  }

  func onLost(_ number: UInt64, from member: MemberID) {
    guard node.isLeader, failure == nil else { return }
    let target: UInt64
    if repairsHeard[member] == number {
      target = lastIndex
    } else {
      if let sender: SnapshotSender = senders[member] { giveUpSending(to: member, sender.transfer, "its log was damaged") }
      guard let answer = node.lost(by: member) else { return }
      repairsHeard[member] = number
      target = answer.index
      logger.warning("a member's log was damaged: repairing it", metadata: ["member": "\(name(of: member))", "to": "\(target)"])
    }
    let frame = StoreFrame.repairTarget(repair: number, term: node.currentTerm, index: target)
    _ = link.send(bytes: frame.encodedBytes(), to: member, priority: .normal)
  }

  func onRepairTarget(_ number: UInt64, term: UInt64, index: UInt64) {
    guard let current: Repair = repair, current.number == number, current.target == nil, term >= node.currentTerm else { return }
    repair?.target = index
    logger.info("repair begins", metadata: ["to": "\(index)", "term": "\(term)"])
    continueRepair()
  }

  /// After whatever may have brought the log further.
  func continueRepair() {
    guard let current: Repair = repair, !current.isEnding, let target: UInt64 = current.target, node.commitIndex >= target,
      node.durableIndex >= target
    else { return }
    repair?.isEnding = true
    let (eventLoop, handle) = (eventLoop, handle)
    journal.append(JournalBatch(isRepaired: true)) { result in
      // A failure is told by the append that it belongs to, or by the next.
      guard case .success = result else { return }
      eventLoop.execute { handle.value.onRepaired() }
    }
  }

  private func onRepaired() {
    guard failure == nil, repair != nil else { return }
    repair = nil
    node.endRepair()
    logger.warning("repaired: this member votes and serves again", metadata: ["index": "\(node.durableIndex)"])
    publish()
    scheduleDrain()
  }
}
