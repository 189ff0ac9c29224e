import Glibc
import Journal
import Keyspace
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct RecoveryTests {
  private func refusal(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch let error as StoreError where error.code == .refused {
      return error.message
    } catch { return nil }
  }

  private func put(_ key: String, _ durability: Durability, through store: Store) async throws -> Int64 {
    var request = TransactionRequest(success: [.put(PutRequest(key: Bytes(key), value: Bytes("v-\(key)")))])
    request.durability = durability
    return try await store.transact(request).revision
  }

  @Test func `the city is lost: the far member goes on, the certificate says what may be lost, the city hands in what it had and rejoins`()
    async throws
  {
    try await FiveTown.with { town in
      var acknowledged: [(key: String, revision: Int64, isCitySafe: Bool)] = []
      for number in 0..<80 {
        acknowledged.append(("/safe/a/\(number)", try await put("/safe/a/\(number)", .citySafe, through: town[number % 5]), true))
      }
      try await wait("the far member") { town[4].revision >= acknowledged.last?.revision ?? 0 }
      town.narrow.store(true, ordering: .relaxed)
      for number in 0..<70 {
        acknowledged.append(("/late/b/\(number)", try await put("/late/b/\(number)", .centerSafe, through: town[number % 4]), false))
      }
      let end = acknowledged.last?.revision ?? 0
      try await wait("the word of how far the city is") { try await town[4].survivorReport().horizon?.revision == end }
      // The lag stands in every member's status.
      try await wait("the far member's own lag") { (town[4].status.peers.first { $0.id == town.members[4].id }?.lagEntries ?? 0) >= 70 }
      // A member's status may be a few ticks old.
      for number in [0, 4] {
        try await wait("the far city's lag as member \(number) tells it") {
          (town[number].status.cities.first { $0.name == "far" }?.lagEntries ?? 0) >= 70
        }
      }
      let tool = try town.tool(at: 4)
      let now = SystemClock().wall()
      func recover(_ center: CenterName = "remote-dr", isDryRun: Bool = false) async throws -> RecoveryCertificate {
        try await tool.recover(center: center, clusterName: "bank", by: "test", time: now, isDryRun: isDryRun)
      }
      #expect(await refusal { _ = try await recover() }?.contains("a majority is there") ?? false)
      for number in 0..<4 { await town.stop(number) }
      town.narrow.store(false, ordering: .relaxed)
      try await wait("the silence") { town[4].leadership.leader == nil }
      #expect(await refusal { _ = try await recover("production") } != nil)
      // Started again, as a supervisor would, before anybody asks: what it had heard of the leader it still knows.
      try await wait("the note of how far the city was") {
        HorizonNote.read(PosixDisk(town.directory(4)), epoch: 0)?.revision == end
      }
      #expect(HorizonNote.read(PosixDisk(town.directory(4)), epoch: 1) == nil)
      await town.stop(4)
      try await town.start(4)
      // A host of another center has no say.
      let stranger = try town.tool(at: 0)
      #expect(
        await refusal { _ = try await stranger.recover(center: "remote-dr", clusterName: "bank", by: "x", time: now, isDryRun: false) }
          != nil)
      let plan = try await recover(isDryRun: true)
      #expect(plan.isDryRun && plan.epoch == 1 && town[4].status.epoch == 0 && town[4].leadership.leader == nil)

      let certificate = try await recover()
      try await tool.awaitLeader(center: "remote-dr", epoch: 1, patience: .seconds(5))
      #expect(certificate.lastRevision == plan.lastRevision && certificate.lastCitySafeRevision <= certificate.lastRevision)
      #expect(certificate.firstLostRevision == certificate.lastCitySafeRevision + 1)
      #expect(certificate.isCitySafeComplete && certificate.horizon?.revision == end)
      #expect(certificate.members.filter { $0.part == .away }.count == 4 && certificate.json.contains("\"epoch\":1"))
      #expect(certificate.text.contains("at least 70 are lost"))
      let kept = try await town[4].range(RangeRequest(everything))
      let keys = Set(kept.keyValues.map(\.key.text))
      for write in acknowledged {
        #expect(keys.contains(write.key) || (certificate.firstLostRevision...certificate.lastLostRevision).contains(write.revision))
        #expect(!write.isCitySafe || keys.contains(write.key))
      }
      #expect(!keys.contains("/late/b/69"))
      // Revisions go forward, and whoever watched reads anew.
      #expect(kept.revision > certificate.lastLostRevision)
      #expect(await code { _ = try await town[4].watch(WatchRequest(everything, startRevision: end)).next(limit: 10) } == .compacted)
      #expect(town[4].presentedClusterID != 77 && town[4].status.epoch == 1)
      let after = try await put("/new/c/1", .centerSafe, through: town[4])
      #expect(after > certificate.lastLostRevision)

      for number in 0..<4 { try await town.start(number) }
      try await wait("the city's return") { (0..<4).allSatisfy { town[$0].status.epoch == 1 && town[$0].revision >= after } }
      try await wait("their votes") { (0..<5).allSatisfy { !town[$0].status.isLearner && town[$0].status.leader != nil } }
      for number in 0..<4 {
        let lines = try diverged(town.directory(number))
        #expect(lines.count == 70, "member \(number)")
        #expect(lines.first?.hasPrefix("{\"key\":\"/late/b/0\",\"value\":\"v-/late/b/0\",\"revision\":") ?? false)
        #expect(lines.last?.contains("\"revision\":\(end),") ?? false)
      }
      _ = try await put("/new/c/2", .citySafe, through: town[0])
      #expect(try await town[0].range(RangeRequest(.prefix(Bytes("/late/")), countOnly: true)).count == 0)
      #expect(try await town[1].range(RangeRequest(.prefix(Bytes("/")), countOnly: true)).count == 82)
      // A restart knows the epoch.
      await town.stop(0)
      try await town.start(0)
      try await wait("its leader") { town[0].status.leader != nil && town[0].status.epoch == 1 }
    }
  }

  @Test func `two survivors: the longer log goes on, the other keeps its own and follows, and a second loss makes a second epoch`()
    async throws
  {
    try await FiveTown.with { town in
      for number in 0..<20 { _ = try await put("/k/\(number)", .centerSafe, through: town[number % 5]) }
      for number in [0, 1, 4] { await town.stop(number) }
      try await wait("the silence") { town[2].leadership.leader == nil && town[3].leadership.leader == nil }
      let tool = try town.tool(at: 2)
      // Whoever was handed the leadership by one that stopped keeps it until it has missed its majority.
      try await wait("nobody to lead any more") {
        (try? await tool.recover(center: "local-dr", clusterName: "bank", by: "test", time: SystemClock().wall(), isDryRun: true)) != nil
      }
      let first = try await tool.recover(center: "local-dr", clusterName: "bank", by: "test", time: SystemClock().wall(), isDryRun: false)
      try await tool.awaitLeader(center: "local-dr", epoch: 1, patience: .seconds(5))
      // One of two in their city did not answer.
      #expect(!first.isCitySafeComplete && first.missing == ["host-0", "host-1"])
      try await wait("both votes") { !town[2].status.isLearner && !town[3].status.isLearner }
      _ = try await put("/k/after", .centerSafe, through: town[3])
      #expect(try await town[2].range(RangeRequest(.prefix(Bytes("/k/")), countOnly: true)).count == 21)
      // Both survivors have kept their logs.
      #expect(!(try PosixDisk(town.directory(2)).list() + PosixDisk(town.directory(3)).list()).contains { $0.hasPrefix("superseded") })
      await town.stop(2)
      try await wait("the silence") { town[3].leadership.leader == nil }
      let second = try await tool.recover(center: "local-dr", clusterName: "bank", by: "test", time: SystemClock().wall(), isDryRun: true)
      #expect(second.epoch == 2)
    }
  }

  private func diverged(_ directory: String) throws -> [String] {
    let disk = PosixDisk(directory)
    let file = try disk.open("diverged-1.jsonl", create: false)
    defer { file.close() }
    var status = stat()
    #expect(stat(directory + "/diverged-1.jsonl", &status) == 0 && status.st_mode & 0o777 == 0o600)
    return try file.read(at: 0, count: try file.size()).text.split(separator: "\n").map(String.init)
  }
}
