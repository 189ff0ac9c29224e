import Primitives
import Testing

@testable import Consensus

/// What can grow has a bound, and says so.
@Suite struct LimitTests {
  /// A leader of three whose followers never answer.
  static func lonelyLeader(_ change: (inout RaftConfiguration) -> Void = { _ in }) throws -> RaftNode {
    var configuration = RaftConfiguration(id: MemberID(1), voters: [1, 2, 3].map { MemberID($0) }, seed: 1)
    change(&configuration)
    var node: RaftNode = try RaftNode(configuration: configuration)
    node.campaign()
    _ = node.takeOutput()
    for voter: UInt64 in [2, 3] {
      node.step(RaftMessage(from: MemberID(voter), to: MemberID(1), term: 1, body: .preVoteReply(granted: true)))
    }
    let output: RaftOutput = node.takeOutput()
    node.persisted(output.sequence)
    for voter: UInt64 in [2, 3] {
      node.step(RaftMessage(from: MemberID(voter), to: MemberID(1), term: 1, body: .voteReply(granted: true)))
    }
    #expect(node.isLeader)
    return node
  }

  @Test func whatWaitsForAMajorityIsBounded() throws {
    var node: RaftNode = try Self.lonelyLeader { $0.maxUncommittedBytes = 1000 }
    var taken: Int = 0
    while case .appended = node.propose([Bytes(repeating: 0, count: 100)]) { taken += 1 }
    #expect(taken >= 7 && taken <= 10)
    #expect(
      node.propose([[1]]) == .appended(index: UInt64(taken) + 2, term: 1)
        || node.propose([Bytes(repeating: 0, count: 900)]) == .dropped(.tooMuchUncommitted))
  }

  @Test func anEntryThatIsTooLargeIsRefused() throws {
    var node: RaftNode = try Self.lonelyLeader()
    #expect(node.propose([Bytes(repeating: 0, count: ConsensusLimits.maxEntryPayload + 1)]) == .dropped(.tooLarge))
    #expect(node.propose([[Bytes]](repeating: [[1]], count: 2).flatMap { $0 }) == .appended(index: 2, term: 1))
  }

  @Test func theWindowToAFollowerIsBounded() throws {
    var node: RaftNode = try Self.lonelyLeader {
      $0.maxInflightMessages = 4
      $0.maxEntryBytesPerMessage = 1
    }
    _ = node.takeOutput()
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 1)))
    for _ in 0..<50 { _ = node.propose([[1]]) }
    let output: RaftOutput = node.takeOutput()
    let appends: [RaftMessage] = output.messages.filter { $0.to == MemberID(2) && $0.kind == .append }
    #expect(appends.count == 4)
    #expect(node.status.peers[0].inflightMessages == 4)
    // One acknowledgement makes room for one more.
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 2)))
    #expect(node.takeOutput().messages.filter { $0.to == MemberID(2) && $0.kind == .append }.count == 1)
  }

  @Test func theWindowInBytesIsBounded() throws {
    var node: RaftNode = try Self.lonelyLeader {
      $0.maxInflightBytes = 10_000
      $0.maxEntryBytesPerMessage = 1000
    }
    _ = node.takeOutput()
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .appendAccepted(index: 1)))
    for _ in 0..<50 { _ = node.propose([Bytes(repeating: 7, count: 900)]) }
    _ = node.takeOutput()
    #expect(node.status.peers[0].inflightBytes >= 9_000 && node.status.peers[0].inflightBytes < 12_000)
  }

  @Test func readsThatWaitAreBounded() throws {
    var node: RaftNode = try Self.lonelyLeader()
    for context in 0..<UInt64(ConsensusLimits.maxPendingReads) { node.readIndex(context) }
    #expect(node.takeOutput().droppedReads.isEmpty)
    node.readIndex(99)
    #expect(node.takeOutput().droppedReads == [99])
  }

  @Test func longCatchUpsComeInPieces() throws {
    var node: RaftNode = try RaftNode(configuration: RaftConfiguration(id: MemberID(1), voters: [MemberID(1)], seed: 1))
    node.tick()
    node.persisted(node.takeOutput().sequence)
    for _ in 0..<20 { _ = node.propose([Bytes(repeating: 1, count: 1 << 20)]) }
    node.persisted(node.takeOutput().sequence)
    var pieces: Int = 0
    var entries: Int = 0
    while true {
      let output: RaftOutput = node.takeOutput()
      if output.isEmpty { break }
      pieces += 1
      entries += output.committed.count
    }
    #expect(entries == 21)
    #expect(pieces >= 6)
  }

  @Test func configurationsThatCannotWorkAreRefused() {
    func refused(_ change: (inout RaftConfiguration) -> Void) {
      var configuration = RaftConfiguration(id: MemberID(1), voters: [MemberID(1)], seed: 1)
      change(&configuration)
      #expect(throws: ConsensusError(.invalidConfiguration, "")) { try RaftNode(configuration: configuration) }
    }
    refused { $0.id = MemberID(0) }
    refused { $0.timing.heartbeatTicks = 0 }
    refused { $0.timing.electionTicks = 5 }
    refused { $0.timing.electionJitterTicks = 0 }
    refused { $0.maxInflightMessages = 0 }
    refused { $0.maxEntryBytesPerMessage = 1 << 30 }
    refused { $0.voters = (1...40).map { MemberID($0) } }
  }

  @Test func aJournalThatContradictsItselfIsRefused() {
    let configuration = RaftConfiguration(id: MemberID(1), voters: [MemberID(1)], seed: 1)
    let gap: [Entry] = [Entry(index: 1, term: 1), Entry(index: 3, term: 1)]
    #expect(throws: ConsensusError(.inconsistentState, "")) {
      try RaftNode(configuration: configuration, restored: RestoredState(hardState: HardState(term: 1), entries: gap))
    }
    let backwards: [Entry] = [Entry(index: 1, term: 2), Entry(index: 2, term: 1)]
    #expect(throws: ConsensusError(.inconsistentState, "")) {
      try RaftNode(configuration: configuration, restored: RestoredState(hardState: HardState(term: 2), entries: backwards))
    }
    #expect(throws: ConsensusError(.inconsistentState, "")) {
      try RaftNode(configuration: configuration, restored: RestoredState(hardState: HardState(term: 2)), applied: 7)
    }
  }

  @Test func twoLeadersOfOneTermHaltWhoeverSeesIt() throws {
    var node: RaftNode = try Self.lonelyLeader()
    node.step(RaftMessage(from: MemberID(2), to: MemberID(1), term: 1, body: .heartbeat(commit: 0, round: 0)))
    let output: RaftOutput = node.takeOutput()
    #expect(output.fault?.code == .halted)
    #expect(node.propose([[1]]) == .dropped(.halted))
  }
}
