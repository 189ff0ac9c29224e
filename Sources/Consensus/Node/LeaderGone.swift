import Primitives

extension RaftNode {
  /// The shell believes that the leader's process has ended: its connections were closed from that side, which a machine that loses
  /// power or
  /// a line that is cut never does. The leader is trusted no longer than if it had been silent for an election timeout; what of the timeout
  /// lets the better one stand up first, and keeps two from standing up at once, still passes. Where the belief is wrong (a firewall that
  /// was reloaded) the leader's next heartbeat undoes it, and a pre-vote asked meanwhile is refused by all who still hear the leader.
  public mutating func leaderGone(_ other: MemberID) {
    guard !isHalted, role == .follower, leader == other else { return }
    elapsed = max(elapsed, timing.electionTicks)
  }
}
