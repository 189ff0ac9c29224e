import Primitives

/// Planned leadership transfer (thesis §3.10).
extension RaftNode {
  /// Moves the leadership to a voter. On another member than the leader the wish is sent to the leader. Without effect if the target
  /// is no voter, already leads, or cannot be brought up to date within an election timeout; `status.transferringTo` and the
  /// leadership in the output tell.
  public mutating func transferLeadership(to target: MemberID) {
    guard !isHalted else { return }
    if role == .leader {
      onTransferRequest(to: target)
    } else if let leader, leader != target {
      send(.transferLeadership(to: target), to: leader)
    }
  }

  mutating func onTransferRequest(to target: MemberID) {
    guard role == .leader, target != id, leading.transfer?.target != target else { return }
    startTransfer(to: target, isAutomatic: false)
  }

  mutating func startTransfer(to target: MemberID, isAutomatic: Bool) {
    guard membersNow.voters.contains(target), leading.index(of: target) != nil else { return }
    leading.transfer = Leading.Transfer(target: target, since: now, isAutomatic: isAutomatic)
    continueTransfer()
  }

  /// Proposals wait only once the target is near the end of the log.
  var isTransferBlocking: Bool {
    guard let transfer = leading.transfer, let place = leading.index(of: transfer.target) else { return false }
    return leading.peers[place].match + ConsensusLimits.transferLag >= log.lastIndex
  }

  mutating func continueTransfer() {
    guard role == .leader, let transfer = leading.transfer, !transfer.isSent, let place = leading.index(of: transfer.target),
      leading.peers[place].match == log.lastIndex
    else { return }
    leading.transfer?.isSent = true
    send(.timeoutNow, to: transfer.target)
  }

  mutating func expireTransfer() {
    guard let transfer = leading.transfer else { return }
    let waited: UInt64 = now - transfer.since
    if waited >= UInt64(timing.electionTicks) || leading.index(of: transfer.target) == nil {
      leading.transfer = nil
      if transfer.isAutomatic {
        leading.handover.target = nil
        leading.handover.notBefore = now + UInt64(timing.handoverRetryTicks)
      }
    } else if transfer.isSent, waited.isMultiple(of: UInt64(2 * timing.heartbeatTicks)) {
      // The first may be lost; a target that campaigns already is in a newer term and ignores it.
      send(.timeoutNow, to: transfer.target)
    }
  }

  mutating func onTimeoutNow(from other: MemberID) {
    guard role == .follower, leader == other || leader == nil, mayLead, !standsAside else { return }
    startElection(transfer: true)
  }
}
