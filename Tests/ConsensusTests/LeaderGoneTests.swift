import Testing

@testable import Consensus

/// Word that the leader's process has ended: `RaftNode.leaderGone(_:)`.
@Suite struct LeaderGoneTests {
  private func three() throws -> TranscriptCluster {
    var cluster = TranscriptCluster()
    for line in ["members 1 2 3", "campaign 1", "propose 1 a", "settle"] { _ = try cluster.run(line) }
    return cluster
  }

  @Test func `followers that are told do not wait for the silence, others do`() throws {
    var told: TranscriptCluster = try three()
    var untold: TranscriptCluster = try three()
    for line in ["crash 1", "gone 2 1", "gone 3 1", "tick all 7"] { _ = try told.run(line) }
    for line in ["crash 1", "tick all 7"] { _ = try untold.run(line) }
    let (found, waiting): (String, String) = (try told.run("status"), try untold.run("status"))
    #expect(found.contains("2: leader") || found.contains("3: leader"), "\(found)")
    #expect(waiting.contains("2: follower term 1 leader 1") && waiting.contains("3: follower term 1 leader 1"), "\(waiting)")
  }

  @Test func `a wrong word disturbs nobody: the others still hear the leader, and its heartbeat undoes it`() throws {
    var cluster: TranscriptCluster = try three()
    for line in ["gone 2 1", "start-campaign 2", "settle", "tick all 12"] { _ = try cluster.run(line) }
    let status: String = try cluster.run("status")
    #expect(status.contains("1: leader term 1") && status.contains("2: follower term 1 leader 1"), "\(status)")
  }

  @Test func `word of a member that does not lead changes nothing`() throws {
    var cluster: TranscriptCluster = try three()
    for line in ["gone 2 3", "tick 2 11"] { _ = try cluster.run(line) }
    #expect(try cluster.run("status").contains("2: follower term 1 leader 1"))
  }
}
