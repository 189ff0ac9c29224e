import Primitives
import Testing

@testable import Consensus

/// The shell says that what it sent to a member was lost.
@Suite struct LostAppendsTests {
  private func appends(_ node: inout RaftNode, to member: UInt64) -> [ClosedRange<UInt64>] {
    node.takeOutput().messages.compactMap { message in
      guard message.to == MemberID(member), case .append(let previous, _, let entries) = message.body, !entries.isEmpty else { return nil }
      return (previous.index + 1)...(previous.index + UInt64(entries.count))
    }
  }

  /// A leader whose follower 2 has the first entry and was sent the second and third; 3 has answered nothing yet.
  private func leader() throws -> RaftNode {
    var node: RaftNode = try LimitTests.lonelyLeader()
    #expect(appends(&node, to: 2) == [1...1])
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 1)))
    _ = node.propose([[1], [2]])
    #expect(appends(&node, to: 2) == [2...3])
    return node
  }

  @Test func whatIsSurelyLostIsSentAgainAtOnceAndOnce() throws {
    var node: RaftNode = try leader()
    node.appendsLost(to: MemberID(2))
    #expect(appends(&node, to: 2) == [2...3])
    // One message at a time until it is heard again.
    _ = node.propose([[3]])
    #expect(appends(&node, to: 2) == [])
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 3)))
    #expect(appends(&node, to: 2) == [4...4])
    #expect(node.status.peers[0].replication == .replicating)
    // Its first message, on which nothing more is sent, may be lost as well.
    node.appendsLost(to: MemberID(3))
    #expect(appends(&node, to: 3).first?.lowerBound == 1)
  }

  @Test func itIsHarmlessWhereItIsWrong() throws {
    var node: RaftNode = try leader()
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 3)))
    _ = node.takeOutput()
    node.appendsLost(to: MemberID(2))
    node.appendsLost(to: MemberID(9))
    #expect(appends(&node, to: 2) == [])
    #expect(node.status.peers[0].replication == .replicating && node.status.peers[0].match == 3)
    var other: RaftNode = try leader()
    other.appendsLost(to: MemberID(2))
    // What was said to be lost arrives after all, twice.
    for _ in 0..<2 { other.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 3))) }
    #expect(other.commitIndex == 3 || other.status.peers[0].match == 3)
    other.resignLeadership()
    other.appendsLost(to: MemberID(2))
    #expect(!other.isLeader)
  }
}
