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
    // Compared outside: the macro would print a megabyte of numbers.
    let arrived: Bool = two.messages == frames
    #expect(arrived)
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
    var limits: LinkLimits = .quick
    limits.silence = .milliseconds(400)
    let (one, two) = (try Member(1, "prod-1", federation, limits: limits), try Member(2, "prod-2", federation))
    try await one.link.start()
    try await two.link.start()
    let proxy = try await Proxy(to: two.link.port ?? 0)
    one.link.updatePeers([two.address(port: proxy.port)])
    two.link.updatePeers([one.address()])
    await one.waitUp(two)
    proxy.setSilent(true)
    await one.waitDown(two)
    #expect(one.status(of: two)?.lastError?.contains("did not answer") == true)
    proxy.setSilent(false)
    await one.waitUp(two)
    try await proxy.close()
    await stop(one, two)
  }

  @Test func urgentFramesOvertakeBulk() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await connect(one, two)
    await one.waitUp(two)
    let size: Int = 4 << 20
    let snapshot: [(Bytes, LinkPriority)] = (0..<6).map { (Bytes(repeating: UInt8($0), count: size), .bulk) }
    func isLast(_ event: Event) -> Bool {
      if case .message(_, let bytes) = event { bytes.count == size && bytes[0] == 5 } else { false }
    }
    let taken: [Bool] = try await one.send(snapshot + [(Bytes("append"), .normal), (Bytes("vote"), .urgent)], to: two)
    #expect(taken.allSatisfy { $0 })
    await two.wait(for: isLast)
    var order: [Int] = two.messages.map(\.count)
    #expect(order == [4, 6] + [Int](repeating: size, count: 6))

    // And once the bulk is under way: a turn after the first chunks went.
    let (link, member, loop) = (one.link, two.peer.member, one.loop)
    try await loop.submit {
      for (bytes, priority) in snapshot { _ = link.send(ByteBuffer(bytes: bytes), to: member, priority: priority) }
      loop.execute { loop.execute { _ = link.send(ByteBuffer(string: "beat"), to: member, priority: .urgent) } }
    }.get()
    await two.wait(for: isLast)
    order = Array(two.messages.map(\.count).dropFirst(8))
    let beat: Int? = order.firstIndex(of: 4)
    #expect(beat != nil && beat != 6 && order.count == 7)
    await stop(one, two)
  }
}
