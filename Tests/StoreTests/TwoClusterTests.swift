import Glibc
import Journal
import Keyspace
import Primitives
import SiteLink
import Testing

@testable import Store

/// Survivors are recovered twice by people who did not hear of each other: two clusters of one epoch by its number.
@Suite(.serialized) struct TwoClusterTests {
  @Test func `epochs of one number and different orders are strangers, unless one of the two does not say`() {
    func meeting(_ caller: (UInt64, UInt64), _ own: (UInt64, UInt64)) -> EpochMeeting {
      EpochMeeting(caller: LinkEpoch(number: caller.0, mark: caller.1), own: LinkEpoch(number: own.0, mark: own.1))
    }
    #expect(meeting((1, 7), (1, 7)) == .same && meeting((1, 7), (1, 8)) == .strangers)
    #expect(meeting((1, 0), (1, 8)) == .same && meeting((0, 0), (0, 0)) == .same)
    #expect(meeting((1, 7), (2, 8)) == .callerIsBehind && meeting((2, 7), (1, 8)) == .callerIsAhead)
  }

  @Test func `a folder of before there were marks is read`() throws {
    #expect(try EpochRecord([1, 3, 1]) == EpochRecord(epoch: 3, mark: 0, isRejoined: true))
  }

  private func put(_ key: String, through store: Store) async throws -> Int64 {
    try await store.transact(TransactionRequest(success: [.put(PutRequest(key: Bytes(key), value: Bytes("v")))])).revision
  }

  private func recover(_ center: CenterName, _ tool: RecoveryTool, epoch: UInt64) async throws {
    func recover(isDryRun: Bool) async throws -> RecoveryCertificate {
      try await tool.recover(center: center, clusterName: "bank", by: "test", time: SystemClock().wall(), isDryRun: isDryRun)
    }
    try await wait("nobody to lead any more") { (try? await recover(isDryRun: true)) != nil }
    #expect(try await recover(isDryRun: false).epoch == epoch)
    try await tool.awaitLeader(center: center, epoch: epoch, patience: .seconds(5))
  }

  @Test func `two recoveries that did not hear of each other never mix, and either can be given up with what it had`() async throws {
    try await FiveTown.with { town in
      for number in 0..<20 { _ = try await put("/k/\(number)", through: town[number % 5]) }
      for number in 0..<5 { await town.stop(number) }
      for number in [2, 3] { try await town.start(number) }
      try await recover("local-dr", try town.tool(at: 2), epoch: 1)
      try await wait("both votes") { !town[2].status.isLearner && !town[3].status.isLearner }
      _ = try await put("/a", through: town[3])
      for number in [2, 3] { await town.stop(number) }
      try await town.start(4)
      try await recover("remote-dr", try town.tool(at: 4), epoch: 1)
      for number in 0..<3 { _ = try await put("/b/\(number)", through: town[4]) }

      // They meet, and stay apart.
      for number in [2, 3] { try await town.start(number) }
      try await wait("a leader in local-dr") { town[2].status.leader != nil && town[3].status.leader != nil }
      try await wait("the sentence on both sides") {
        [2, 4].allSatisfy { town.linkErrors($0).contains { $0.contains("two clusters") } }
      }
      #expect(town[2].status.epoch == 1 && town[4].status.epoch == 1)
      #expect(town[2].presentedClusterID == town[3].presentedClusterID && town[2].presentedClusterID != town[4].presentedClusterID)
      _ = try await put("/a/after", through: town[2])
      _ = try await put("/b/after", through: town[4])
      #expect(try await town[4].range(RangeRequest(.prefix(Bytes("/a")), countOnly: true)).count == 0)
      #expect(try await town[2].range(RangeRequest(.prefix(Bytes("/b")), countOnly: true)).count == 0)
      let objections: [String] = RecoveryPlan.objections(
        center: "local-dr", reports: [try await town[2].survivorReport(), try await town[4].survivorReport()])
      #expect(objections.contains { $0.contains("two clusters that both call themselves epoch 1") })

      // What the sentence advises: the folder aside, and it comes back empty as one of the others.
      await town.stop(4)
      let aside: String = town.directory(4) + ".aside"
      try #require(rename(town.directory(4), aside) == 0)
      try await town.start(4)
      try await wait("its return") { town[4].status.epoch == 1 && town[4].presentedClusterID == town[2].presentedClusterID }
      try await wait("what the others have") {
        try await town[4].range(RangeRequest(key: Bytes("/a/after"), serializable: true)).count == 1
      }

      // And where the others have lost their majority once more, the one that was given up hands in what it alone had.
      for number in [4, 2] { await town.stop(number) }
      for name in try PosixDisk(town.directory(4)).list() { try PosixDisk(town.directory(4)).remove(name) }
      try #require(rmdir(town.directory(4)) == 0 && rename(aside, town.directory(4)) == 0)
      try await recover("local-dr", try town.tool(at: 3), epoch: 2)
      try await town.start(4)
      try await wait("its return") { town[4].status.epoch == 2 && town[4].status.leader != nil }
      let lines: [String] = try diverged(town.directory(4), epoch: 2)
      #expect(lines.map { $0.split(separator: "\"")[3] } == ["/b/0", "/b/1", "/b/2", "/b/after"])
      try await wait("what the others have") {
        try await town[4].range(RangeRequest(key: Bytes("/a/after"), serializable: true)).count == 1
      }
      #expect(try await town[4].range(RangeRequest(.prefix(Bytes("/b")), countOnly: true)).count == 0)
    }
  }

  private func diverged(_ directory: String, epoch: Int) throws -> [String] {
    let file = try PosixDisk(directory).open("diverged-\(epoch).jsonl", create: false)
    defer { file.close() }
    return try file.read(at: 0, count: try file.size()).text.split(separator: "\n").map(String.init)
  }
}
