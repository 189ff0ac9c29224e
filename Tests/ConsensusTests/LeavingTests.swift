import Primitives
import Testing

@testable import Consensus

/// Members that lose their votes, and those who are left.
@Suite struct LeavingTests {
  private static let ids: [MemberID] = (1...3).map { MemberID($0) }

  /// The votes of 1 and 2 are taken; that is committed as a joint configuration, and the final one is in the logs of 1 and 2 only.
  private func town() throws -> [MemberID: RaftNode] {
    let joint = Membership(voters: [Self.ids[2]], outgoing: Self.ids, learners: [Self.ids[0], Self.ids[1]])
    let entries: [Entry] = [
      Entry(index: 1, term: 1, kind: .empty), Entry(index: 2, term: 1, kind: .membership, payload: joint.encoded(attachment: [])),
      Entry(index: 3, term: 1, kind: .membership, payload: joint.left.encoded(attachment: [])),
    ]
    return try Dictionary(
      uniqueKeysWithValues: Self.ids.map { id in
        let isBehind: Bool = id == Self.ids[2]
        let state = RestoredState(
          hardState: HardState(term: 1, vote: Self.ids[0], commit: isBehind ? 1 : 2), snapshot: nil,
          entries: Array(entries.prefix(isBehind ? 2 : 3)))
        return (id, try RaftNode(configuration: RaftConfiguration(id: id, voters: Self.ids, seed: id.value), restored: state))
      })
  }

  @Test func whoLostItsVoteLeadsOnceMoreIfOnlyItsLogTellsOfThat() throws {
    var town: [MemberID: RaftNode] = try town()
    var wires: [RaftMessage] = []
    for _ in 0..<200 {
      for id in Self.ids { town[id]?.tick() }
      repeat {
        for message in wires { town[message.to]?.step(message) }
        wires = []
        for id in Self.ids {
          while let output: RaftOutput = town[id]?.takeOutput(), !output.isEmpty {
            wires += output.messages
            if output.sequence > 0 { town[id]?.persisted(output.sequence) }
            if let last: Entry = output.committed.last { town[id]?.applied(upTo: last.index) }
          }
        }
      } while !wires.isEmpty
    }
    #expect(town[Self.ids[2]]?.isLeader ?? false)
    #expect(town.values.allSatisfy { !$0.membership.isJoint && $0.membership.voters == [Self.ids[2]] && $0.commitIndex > 3 })
  }
}
