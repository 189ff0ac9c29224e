import Primitives

extension RaftNode {
  /// The shell knows that appends on their way to this member were lost: a link broke, or somebody who should have handed them on did not.
  /// They are sent again at once, from what the member is known to have, instead of when the next heartbeats find out. Never needed for
  /// safety, and harmless where it is wrong: entries arrive twice.
  public mutating func appendsLost(to follower: MemberID) {
    guard role == .leader, let place = leading.index(of: follower) else { return }
    let peer: Progress = leading.peers[place]
    switch peer.state {
    case .probing: leading.peers[place].isPaused = false
    case .replicating: if peer.match < peer.next - 1 { leading.peers[place].becomeProbing(next: peer.match + 1) }
    case .snapshot: return
    }
  }
}
