import Primitives
import Testing

@testable import Consensus

/// Virtual time, five members (2-2-1), links of 1 and 15 ms one way, disks that need 2 ms and now and then 250: heartbeats and their
/// answers never wait for a disk, so nobody is elected who need not be.
@Suite struct StallTests {
  @Test(arguments: [1, 2, 3] as [UInt64]) func `ten minutes of load, far links and stalling disks need one election`(_ seed: UInt64) throws
  {
    var world = try StallingWorld(seed: seed)
    world.run(until: 10 * 60 * 1000)
    #expect(world.stalls > 500)
    #expect(world.elections.count <= 2, "production is elected, or elected once more by hand-over: \(world.elections)")
    #expect(world.elections.allSatisfy { $0.time < 5000 })
    #expect(world.committed > 10_000)
  }
}

private struct StallingWorld {
  struct Event: Comparable, Sendable {
    enum Body: Sendable {
      case tick(Int)
      case message(RaftMessage)
      case persisted(Int, UInt64)
      case load
    }
    var time: Int
    var order: Int
    var body: Body
    static func < (left: Self, right: Self) -> Bool { (left.time, left.order) < (right.time, right.order) }
    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
  }

  private var nodes: [RaftNode] = []
  private var queue = Heap<Event>()
  private var random: SeededRandom
  /// When each disk has finished what it was given.
  private var diskFree: [Int] = Array(repeating: 0, count: 5)
  private var order: Int = 0
  private(set) var elections: [(time: Int, leader: Int)] = []
  private(set) var stalls: Int = 0
  private(set) var committed: Int = 0

  init(seed: UInt64) throws {
    random = SeededRandom(seed: seed)
    let ids: [MemberID] = (1...5).map { MemberID(UInt64($0)) }
    let ranks: [Int] = [3, 3, 2, 2, 1]
    for place in 0..<5 {
      let configuration = RaftConfiguration(
        id: ids[place], voters: ids, priorities: Dictionary(uniqueKeysWithValues: zip(ids, ranks)), seed: seed &* 31 &+ UInt64(place))
      nodes.append(try RaftNode(configuration: configuration))
      add(Int(random.next() % 25), .tick(place))
    }
    add(1000, .load)
  }

  private mutating func add(_ time: Int, _ body: Event.Body) {
    order += 1
    queue.push(Event(time: time, order: order, body: body))
  }

  mutating func run(until end: Int) {
    while let event: Event = queue.pop(), event.time < end {
      switch event.body {
      case .tick(let place):
        nodes[place].tick()
        carryOut(place, event.time)
        add(event.time + 25, .tick(place))
      case .message(let message):
        let place = Int(message.to.value) - 1
        nodes[place].step(message)
        carryOut(place, event.time)
      case .persisted(let place, let sequence):
        nodes[place].persisted(sequence)
        carryOut(place, event.time)
      case .load:
        if let leader: Int = nodes.firstIndex(where: \.isLeader) {
          _ = nodes[leader].propose([Bytes("write")])
          carryOut(leader, event.time)
        }
        add(event.time + 20, .load)
      }
    }
  }

  private mutating func carryOut(_ place: Int, _ now: Int) {
    while true {
      let output: RaftOutput = nodes[place].takeOutput()
      if output.isEmpty { return }
      if output.leadership?.role == .leader { elections.append((now, place)) }
      if output.sequence != 0 {
        // One sync in a hundred takes a quarter of a second, and those behind it wait.
        let isStall: Bool = random.next() % 100 == 0
        stalls += isStall ? 1 : 0
        diskFree[place] = max(diskFree[place], now) + (isStall ? 250 : 2)
        add(diskFree[place], .persisted(place, output.sequence))
      }
      for message in output.messages {
        let isFar: Bool = (message.from.value == 5) != (message.to.value == 5)
        add(now + (isFar ? 15 : 1), .message(message))
      }
      if let last: Entry = output.committed.last {
        if nodes[place].isLeader { committed += output.committed.count }
        nodes[place].applied(upTo: last.index)
      }
    }
  }
}
