import NIOCore
import Primitives
import TLS
import Testing

@testable import SiteLink

@Suite(.timeLimit(.minutes(1))) struct LinkTests {
  let federation: Federation
  init() throws { federation = try Federation() }

  @Test func twoMembersExchangeFramesInOrder() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await connect(one, two)
    await one.waitUp(two)
    await two.waitUp(one)
    let frames: [Bytes] = (0..<500).map { Bytes(repeating: UInt8($0 % 251), count: $0 * 7 + 1) }
    #expect(try await one.send(frames.map { ($0, .normal) }, to: two).allSatisfy { $0 })
    await two.wait { $0 == .message(MemberID(1), frames[499]) }
    #expect(two.messages == frames)
    #expect(try await two.send([(Bytes("back"), .urgent)], to: one) == [true])
    await one.wait { $0 == .message(MemberID(2), Bytes("back")) }
    // The status is as old as the last ping.
    _ = try await one.eventually(two) {
      $0.rttMicroseconds != nil && $0.receiving && $0.up && $0.queuedBytes == 0 && $0.bytesOut > 800_000 && $0.bytesIn == 4
    }
    await stop(one, two)
    #expect(try await one.send([([1], .urgent)], to: two) == [false])
  }

  @Test func threeMembersAllHearEachOther() async throws {
    let members: [Member] = try [Member(1, "a", federation), Member(2, "b", federation), Member(3, "c", federation)]
    try await connect(members[0], members[1], members[2])
    for from in members {
      for to in members where to !== from {
        _ = try await from.eventually(to) { $0.up }
        #expect(try await from.send([(Bytes("from \(from.peer.hostName)"), .normal)], to: to) == [true])
      }
    }
    for member in members {
      var left: Set<MemberID> = Set(members.map(\.peer.member)).subtracting([member.peer.member])
      await member.wait {
        if case .message(let from, _) = $0 { left.remove(from) }
        return left.isEmpty
      }
    }
    await stop(members[0], members[1], members[2])
  }

  @Test func aMemberOfAnotherClusterIsRefusedWithASentence() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation, cluster: 0xBB))
    try await connect(one, two)
    let status: LinkStatus = try await two.eventually(one) { $0.lastError != nil }
    #expect(status.lastError?.contains("belongs to cluster bb; this is cluster ba") == true, "\(status.lastError ?? "")")
    #expect(!status.up)
    #expect(try await two.send([([1], .urgent)], to: one) == [false])
    await stop(one, two)
  }

  @Test func aMemberWithAnotherHostsCertificateIsRefusedOnBothSides() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation, certificateOf: "prod-9"))
    try await connect(one, two)
    let dialling: LinkStatus = try await one.eventually(two) { $0.lastError != nil }
    #expect(dialling.lastError?.contains("its certificate is for host prod-9, not prod-2") == true, "\(dialling.lastError ?? "")")
    let dialled: LinkStatus = try await two.eventually(one) { $0.lastError != nil }
    #expect(dialled.lastError?.contains("The certificate of prod-9") == true, "\(dialled.lastError ?? "")")
    #expect(!dialling.up && !dialled.up && !dialling.receiving)
    await stop(one, two)
  }

  @Test func aMemberThatIsNoneIsRefused() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await one.link.start()
    try await two.link.start()
    two.link.updatePeers([one.address()])
    let status: LinkStatus = try await two.eventually(one) { $0.lastError != nil }
    #expect(status.lastError?.contains("is not a member of this cluster") == true, "\(status.lastError ?? "")")
    // It becomes one: the link comes up by itself.
    one.link.updatePeers([two.address()])
    _ = try await two.eventually(one) { $0.up }
    _ = try await one.eventually(two) { $0.up && $0.receiving }
    // And leaves again.
    one.link.updatePeers([])
    await one.waitDown(two)
    #expect(one.status(of: two) == nil)
    _ = try await two.eventually(one) { !$0.up }
    await stop(one, two)
  }

  @Test func aCutConnectionIsMadeAgain() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await one.link.start()
    try await two.link.start()
    let proxy = try await Proxy(to: two.link.port ?? 0)
    one.link.updatePeers([two.address(port: proxy.port)])
    two.link.updatePeers([one.address()])
    await one.waitUp(two)
    for _ in 0..<5 {
      proxy.cut()
      await one.waitDown(two)
      await one.waitUp(two)
      #expect(try await one.send([(Bytes("again"), .normal)], to: two) == [true])
      await two.wait { $0 == .message(MemberID(1), Bytes("again")) }
    }
    try await proxy.close()
    await stop(one, two)
  }

  @Test func aLinkThatSwallowsBytesIsNoticedAndComesBack() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await one.link.start()
    try await two.link.start()
    let proxy = try await Proxy(to: two.link.port ?? 0)
    one.link.updatePeers([two.address(port: proxy.port)])
    two.link.updatePeers([one.address()])
    await one.waitUp(two)
    proxy.setSilent(true)
    let start: MonotonicTime = SystemClock().now()
    await one.waitDown(two)
    let noticed: Duration = SystemClock().now() - start
    #expect(noticed < .seconds(3), "\(noticed)")
    proxy.setSilent(false)
    await one.waitUp(two)
    try await proxy.close()
    await stop(one, two)
  }

  @Test func urgentFramesOvertakeBulk() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await connect(one, two)
    await one.waitUp(two)
    let snapshot: [(Bytes, LinkPriority)] = (0..<6).map { (Bytes(repeating: UInt8($0), count: 8 << 20), .bulk) }
    let taken: [Bool] = try await one.send(
      snapshot + [(Bytes("append"), .normal), (Bytes("vote"), .urgent)], to: two)
    #expect(taken.allSatisfy { $0 })
    await two.wait { $0 == .message(MemberID(1), snapshot[5].0) }
    let order: [Int] = two.messages.map(\.count)
    #expect(order == [4, 6] + [Int](repeating: 8 << 20, count: 6))
    // And once the bulk is under way.
    #expect(try await one.send(snapshot, to: two).allSatisfy { $0 })
    await two.wait { $0 == .message(MemberID(1), snapshot[0].0) }
    #expect(try await one.send([(Bytes("beat"), .urgent)], to: two) == [true])
    await two.wait { $0 == .message(MemberID(1), snapshot[5].0) }
    let beat: Int = try #require(two.messages.lastIndex(of: Bytes("beat")))
    #expect(beat < two.messages.count - 1)
    await stop(one, two)
  }
}
