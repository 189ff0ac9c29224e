import Primitives
import Site
import Testing

@testable import Lab

@Suite struct WideAreaTests {
  static func network() throws -> WideAreaNetwork {
    var network = WideAreaNetwork(
      places: [("a", [try IPRange.parse("10.1.0.0/24").get()]), ("b", [try IPRange.parse("10.2.0.0/24").get()])], seed: 7)
    _ = network.change(from: "a", to: "b", .init(delay: .milliseconds(15)))
    _ = network.change(from: "b", to: "a", .init(delay: .milliseconds(15)))
    return network
  }

  static func packet(_ from: UInt8, _ to: UInt8, size: Int = 100, tag: UInt8 = 0) -> Bytes {
    var packet = Bytes(repeating: 0, count: size)
    packet[0] = 0x45
    packet.replaceSubrange(12..<20, with: [10, from, 0, 5, 10, to, 0, 6])
    packet[size - 1] = tag
    return packet
  }

  static func at(_ milliseconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(milliseconds * 1e6)) }

  static func drain(_ network: inout WideAreaNetwork, _ time: MonotonicTime) -> [Bytes] {
    var packets: [Bytes] = []
    network.onTime(time) { packets.append($0) }
    return packets
  }

  @Test func aPacketArrivesAfterTheDelayAndNotBefore() throws {
    var network: WideAreaNetwork = try Self.network()
    network.onPacket(Self.packet(1, 2), now: Self.at(100))
    #expect(network.nextDue == Self.at(115))
    let due1: [Bytes] = Self.drain(&network, Self.at(114.9))
    #expect(due1.isEmpty)
    let due2: [Bytes] = Self.drain(&network, Self.at(115))
    #expect(due2 == [Self.packet(1, 2)])
    #expect(network.nextDue == nil)
  }

  @Test func aCutDirectionLosesEverythingAlsoWhatIsUnderWayAndTheOtherGoesOn() throws {
    var network: WideAreaNetwork = try Self.network()
    network.onPacket(Self.packet(1, 2), now: Self.at(0))
    _ = network.change(from: "a", to: "b", .init(cut: true))
    network.onPacket(Self.packet(1, 2), now: Self.at(1))
    network.onPacket(Self.packet(2, 1), now: Self.at(1))
    let due3: [Bytes] = Self.drain(&network, Self.at(100))
    #expect(due3 == [Self.packet(2, 1)])
    #expect(network.line(from: "a", to: "b")?.counters.blocked == 2)
    _ = network.change(from: "a", to: "b", .init(cut: false))
    network.onPacket(Self.packet(1, 2), now: Self.at(200))
    let due4: [Bytes] = Self.drain(&network, Self.at(300))
    #expect(due4.count == 1)
  }

  @Test func aRateSpacesPacketsAndAFullQueueDropsAtTheTail() throws {
    var network: WideAreaNetwork = try Self.network()
    _ = network.change(from: "a", to: "b", .init(delay: .zero, bitsPerSecond: 8_000_000))
    for index in 0..<10 { network.onPacket(Self.packet(1, 2, size: 1_000, tag: UInt8(index)), now: Self.at(0)) }
    // 1,000 bytes at 8 Mbit/s take a millisecond.
    let due5: [Bytes] = Self.drain(&network, Self.at(3.5))
    #expect(due5.map { $0.last } == [0, 1, 2])
    for _ in 0..<20_000 { network.onPacket(Self.packet(1, 2, size: 1_000), now: Self.at(4)) }
    #expect((network.line(from: "a", to: "b")?.counters.overflowed ?? 0) > 0)
  }

  @Test func lossIsDrawnFromTheSeedAndALineDoesNotReorder() throws {
    var network: WideAreaNetwork = try Self.network()
    _ = network.change(from: "a", to: "b", .init(loss: 0.1))
    for index in 0..<1_000 {
      if index == 500 { _ = network.change(from: "a", to: "b", .init(delay: .milliseconds(1))) }
      network.onPacket(Self.packet(1, 2, tag: UInt8(index & 0xFF)), now: Self.at(Double(index) / 100))
    }
    let arrived: [Bytes] = Self.drain(&network, Self.at(1_000))
    let lost: Int = network.line(from: "a", to: "b")?.counters.lost ?? 0
    #expect(arrived.count + lost == 1_000)
    #expect((60...140).contains(lost))
    var last: Int = -1
    for packet in arrived {
      let tag = Int(packet.last ?? 0)
      let step: Int = (tag - last + 256) % 256
      #expect(step > 0 && step < 128)
      last = tag
    }
  }

  @Test func whatIsNoPacketOfThisNetworkIsCountedAndDropped() throws {
    var network: WideAreaNetwork = try Self.network()
    for stray in [[], [0x45], Bytes(repeating: 0x60, count: 40), Self.packet(1, 9), Self.packet(1, 1)] {
      network.onPacket(stray, now: Self.at(0))
    }
    #expect(network.strays == 5)
    #expect(network.nextDue == nil)
  }

  @Test func aFaultLiesOnTopOfTheLineAndEndsByItself() throws {
    var network: WideAreaNetwork = try Self.network()
    network.onPacket(Self.packet(1, 2, tag: 1), now: Self.at(0))
    let cut = LinkFault(id: "f", until: Self.at(100), .init(cut: true))
    let wrong: Bool = network.inject(from: "a", to: "z", cut)
    let right: Bool = network.inject(from: "a", to: "b", cut)
    #expect(!wrong && right)
    network.onPacket(Self.packet(1, 2, tag: 2), now: Self.at(99))
    network.onPacket(Self.packet(2, 1, tag: 3), now: Self.at(99))
    // Nobody renewed it.
    network.onPacket(Self.packet(1, 2, tag: 4), now: Self.at(100))
    let arrived: [Bytes] = Self.drain(&network, Self.at(200))
    #expect(arrived.compactMap(\.last).sorted() == [3, 4])
    #expect(network.line(from: "a", to: "b")?.setting == LinkSetting(delay: .milliseconds(15)))
  }

  @Test func aFaultIsRenewedAndMendedAndTwoAddUp() throws {
    var network: WideAreaNetwork = try Self.network()
    _ = network.inject(from: "a", to: "b", LinkFault(id: "f", until: Self.at(100), .init(delay: .milliseconds(10))))
    _ = network.inject(from: "a", to: "b", LinkFault(id: "f", until: Self.at(1_000), .init(delay: .milliseconds(10))))
    _ = network.inject(from: "a", to: "b", LinkFault(id: "g", until: Self.at(1_000), .init(delay: .milliseconds(20))))
    network.onPacket(Self.packet(1, 2), now: Self.at(500))
    #expect(network.nextDue == Self.at(545))
    _ = Self.drain(&network, Self.at(545))
    let mended: Int = network.mend("g")
    let again: Int = network.mend("g")
    #expect(mended == 1 && again == 0)
    network.onPacket(Self.packet(1, 2), now: Self.at(600))
    #expect(network.nextDue == Self.at(625))
    let left: [String] = network.faults(from: "a", to: "b", now: Self.at(600)).map(\.id)
    #expect(left == ["f"])
  }

  /// TCP from port 40,000 to `port`.
  static func segment(port: UInt16, tag: UInt8) -> Bytes {
    var packet: Bytes = packet(1, 2, tag: tag)
    packet[9] = 6
    packet.replaceSubrange(20..<24, with: [0x9C, 0x40, UInt8(port >> 8), UInt8(port & 0xFF)])
    return packet
  }

  @Test func aFaultOfOnePortSlowsThatPortAlone() throws {
    var network: WideAreaNetwork = try Self.network()
    let fault = LinkFault(id: "api", until: Self.at(1_000), .init(delay: .milliseconds(50)), port: 6_443)
    _ = network.inject(from: "a", to: "b", fault)
    for (millisecond, port) in [(0.0, UInt16(6_443)), (1, 2_379), (2, 6_443), (3, 2_379)] {
      network.onPacket(Self.segment(port: port, tag: UInt8(millisecond)), now: Self.at(millisecond))
    }
    let early: [Bytes] = Self.drain(&network, Self.at(20))
    let late: [Bytes] = Self.drain(&network, Self.at(100))
    #expect(early.map(\.last) == [1, 3])
    #expect(late.map(\.last) == [0, 2])
  }

  @Test func aLineThatFlapsCarriesInTheSecondHalfOfEachTurn() throws {
    var network: WideAreaNetwork = try Self.network()
    func lay(until: Double) {
      let fault = LinkFault(id: "flap", until: Self.at(until), .init(cut: true), every: .milliseconds(100))
      _ = network.inject(from: "a", to: "b", fault)
    }
    lay(until: 300)
    for (tag, millisecond) in [10.0, 49, 50, 99, 100, 149, 150].enumerated() {
      // Renewing in the middle of a turn does not shift it.
      lay(until: 300 + millisecond)
      network.onPacket(Self.packet(1, 2, tag: UInt8(tag)), now: Self.at(millisecond))
    }
    network.onPacket(Self.packet(1, 2, tag: 7), now: Self.at(500))
    let arrived: [Bytes] = Self.drain(&network, Self.at(1_000))
    #expect(arrived.compactMap(\.last) == [2, 3, 6, 7])
    let command: String = WideAreaControl.command(
      "f", from: "a", to: "b", .init(cut: true), port: nil, every: .seconds(1), lease: .seconds(9))
    #expect(WideAreaControl.answer(command, &network, now: Self.at(0)) == "ok\n")
    let shown: [Bool] = [250, 750].map { millisecond in
      WideAreaControl.answer("show", &network, now: Self.at(millisecond)).contains("cut=1")
    }
    #expect(shown == [true, false])
    #expect(WideAreaControl.answer("fault f a b for=5 every=0 cut=1", &network, now: Self.at(0)).hasPrefix("error "))
  }

  @Test func theControlLanguageKnowsFaults() throws {
    var network: WideAreaNetwork = try Self.network()
    let command: String = WideAreaControl.command(
      "f-1", from: "a", to: "b", .init(delay: .milliseconds(5), cut: true), port: 53, lease: .seconds(2))
    let said: String = WideAreaControl.answer(command, &network, now: Self.at(0))
    #expect(said == "ok\n")
    let shown: String = WideAreaControl.answer("show", &network, now: Self.at(500))
    #expect(shown.contains("fault f-1 a b left=1500000\n"))
    let reports: [LineReport] = shown.split(separator: "\n").compactMap { LineReport($0) }
    #expect(reports.count == 2)
    #expect(reports.first { $0.from == "a" }?.setting.cut == false, "a fault of one port is none of the line")
    let after: String = WideAreaControl.answer("show", &network, now: Self.at(2_000))
    #expect(!after.contains("fault"))
    for wrong in [
      "fault", "fault f a", "fault f a b", "fault f a b cut=1", "fault f a b for=0 cut=1", "fault f a z for=5 cut=1",
      "fault f a b for=5 port=0 cut=1", "fault f a b for=5 colour=1", "mend", "mend nothing",
    ] {
      let refusal: String = WideAreaControl.answer(wrong, &network, now: Self.at(0))
      #expect(refusal.hasPrefix("error "), "\(wrong)")
    }
  }

  @Test func theControlLanguageChangesAndShowsLines() throws {
    var network: WideAreaNetwork = try Self.network()
    let command: String = WideAreaControl.command(from: "a", to: "b", .init(delay: .milliseconds(30), loss: 0.01, cut: true))
    let said: String = WideAreaControl.answer(command, &network, now: Self.at(0))
    #expect(said == "ok\n")
    let reports: [LineReport] = WideAreaControl.answer("show", &network, now: Self.at(0)).split(separator: "\n").compactMap {
      LineReport($0)
    }
    #expect(reports.first { $0.from == "a" }?.setting == LinkSetting(delay: .milliseconds(30), loss: 0.01, cut: true))
    for wrong in ["", "set a", "set a z cut=1", "set a b cut=2", "set a b loss=2", "set a b delay=-1", "set a b colour=red", "drop"] {
      let refusal: String = WideAreaControl.answer(wrong, &network, now: Self.at(0))
      #expect(refusal.hasPrefix("error "), "\(wrong)")
    }
  }
}
