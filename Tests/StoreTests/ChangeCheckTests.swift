import Keyspace
import Primitives
import Testing

@testable import Consensus
@testable import Store

/// etcd's rules for changing members, one by one.
@Suite struct ChangeCheckTests {
  private func checks(voters: [(started: Bool, there: Bool)], learners: [UInt64] = [], last: UInt64 = 1000) throws -> ChangeChecks {
    var keyspace = Keyspace()
    var records: [MemberRecord] = []
    for (number, voter) in voters.enumerated() {
      records.append(
        MemberRecord(
          id: MemberID(UInt64(number) + 1), name: voter.started ? "m\(number + 1)" : "", peerURLs: ["https://m\(number + 1):2380"]))
    }
    for match in learners {
      records.append(MemberRecord(id: MemberID(UInt64(records.count) + 1), role: .learner, peerURLs: ["https://l\(match):2380"]))
    }
    _ = keyspace.apply(.cluster(.adopt(records)), at: 1)
    var node = try RaftNode(configuration: RaftConfiguration(id: MemberID(1), voters: [MemberID(1)], seed: 1))
    for _ in 0..<3 {
      node.tick()
      let output = node.takeOutput()
      if output.sequence != 0 { node.persisted(output.sequence) }
      _ = node.takeOutput()
    }
    var status: RaftStatus = node.status
    status.lastIndex = last
    status.peers = records.dropFirst().enumerated().map { place, record in
      let isVoter: Bool = record.role == .voter
      let match: UInt64 = isVoter ? last : learners[place - (voters.count - 1)]
      return PeerStatus(
        id: record.id, isVoter: isVoter, replication: .replicating, match: match, next: match + 1, inflightMessages: 0, inflightBytes: 0,
        silentTicks: isVoter && !voters[place + 1].there ? 1000 : 0)
    }
    return ChangeChecks(cluster: keyspace.cluster, own: MemberID(1), status: status, maxLearners: 1, patience: 40)
  }

  private func refusal(_ checks: ChangeChecks, _ change: MemberChange) -> KeyspaceError.Code? {
    do throws(KeyspaceError) {
      try checks.check(change)
      return nil
    } catch { return error.code }
  }

  private let voter = MemberChange.add(NewMember(peerURLs: ["https://new:2380"]))
  private let learner = MemberChange.add(NewMember(peerURLs: ["https://new:2380"], isLearner: true))

  @Test func `adding needs started voters, all of them there, and an address of its own`() throws {
    let whole = try checks(voters: [(true, true), (true, true), (true, true)])
    #expect(refusal(whole, voter) == nil && refusal(whole, learner) == nil)
    let unstarted = try checks(voters: [(true, true), (false, true)])
    #expect(refusal(unstarted, voter) == .notEnoughStarted)
    #expect(refusal(try checks(voters: [(true, true)]), voter) == nil)
    let away = try checks(voters: [(true, true), (true, false), (true, true)])
    #expect(refusal(away, voter) == .unhealthy && refusal(away, learner) == .unhealthy)
    #expect(refusal(whole, .add(NewMember(peerURLs: ["https://m2:2380"]))) == .peerURLExists)
    for bad in [
      [], ["m:2380"], ["https://m"], ["https://m:0"], ["https://m:2380/x"], ["unix://m:1"], ["https://:2380"],
      ["https://a:1", "https://a:1"],
    ] {
      #expect(refusal(whole, .add(NewMember(peerURLs: bad))) == .memberBadURLs, "\(bad)")
    }
    #expect(refusal(whole, .add(NewMember(peerURLs: ["http://[fd00::1]:2380", "https://m9:1"]))) == nil)
    #expect(refusal(try checks(voters: [(true, true)], learners: [1000]), learner) == .tooManyLearners)
  }

  @Test func `removing keeps a majority that is started and there`() throws {
    let whole = try checks(voters: [(true, true), (true, true), (true, true)])
    #expect(refusal(whole, .remove(MemberID(2))) == nil && refusal(whole, .remove(MemberID(9))) == .memberNotFound)
    let away = try checks(voters: [(true, true), (true, false), (true, true)])
    #expect(refusal(away, .remove(MemberID(3))) == .unhealthy)
    // Who is away already is missed by nobody.
    #expect(refusal(away, .remove(MemberID(2))) == nil)
    #expect(refusal(try checks(voters: [(true, true)]), .remove(MemberID(1))) == .notEnoughStarted)
    #expect(refusal(try checks(voters: [(true, true), (false, true)]), .remove(MemberID(1))) == .notEnoughStarted)
    #expect(refusal(try checks(voters: [(true, true), (false, true)], learners: [3]), .remove(MemberID(3))) == nil)
  }

  @Test func `promoting needs nine tenths of the log`() throws {
    let voters = [(true, true), (true, true), (true, true)]
    #expect(refusal(try checks(voters: voters, learners: [899]), .promote(MemberID(4))) == .learnerNotReady)
    #expect(refusal(try checks(voters: voters, learners: [900]), .promote(MemberID(4))) == nil)
    #expect(refusal(try checks(voters: voters, learners: [900]), .promote(MemberID(3))) == .memberNotLearner)
    #expect(refusal(try checks(voters: voters), .promote(MemberID(4))) == .memberNotFound)
    #expect(refusal(try checks(voters: voters), .update(MemberID(3), peerURLs: ["https://m2:2380"])) == .peerURLExists)
    #expect(refusal(try checks(voters: voters), .update(MemberID(3), peerURLs: ["https://m3:2381"])) == nil)
  }
}
