import KubeModel
import Primitives
import Testing

@testable import Controllers

@Suite struct NodeHealthTests {
  func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
  func node(_ name: String) -> KubeObject { KubeObject(["kind": "Node", "metadata": ["name": .string(name)]]) }
  func lease(_ time: Int64) -> KubeObject { KubeObject(["spec": ["renewTime": .string("\(time)")]]) }

  @Test func `silence counts from the last change that we saw`() {
    var health = NodeHealthInstance(settings: .init(grace: .seconds(40), startupGrace: .seconds(60)))
    for time: Int64 in stride(from: 0, through: 100, by: 10) {
      health.onSeen(node: node("a"), lease: lease(time), now: at(time))
      // b renews until 30; seeing the same lease again is no sign of life.
      health.onSeen(node: node("b"), lease: lease(min(time, 30)), now: at(time))
      health.onSeen(node: node("newborn"), lease: nil, now: at(time))
    }
    #expect(!health.isSilent("a", now: at(100)))
    #expect(!health.isSilent("b", now: at(70)) && health.isSilent("b", now: at(71)))
    #expect(!health.isSilent("newborn", now: at(60)) && health.isSilent("newborn", now: at(61)))
    #expect(health.nextLook("a", now: at(100)) == .seconds(40) + .milliseconds(1))
  }

  @Test func `when nobody is heard it is us who are cut off, and everybody's silence starts anew`() {
    var health = NodeHealthInstance(settings: .init(grace: .seconds(40), startupGrace: .seconds(60)))
    for name in ["a", "b"] { health.onSeen(node: node(name), lease: lease(1), now: at(0)) }
    #expect(!health.isSilent("a", now: at(300)) && !health.isSilent("b", now: at(300)))
    health.onSeen(node: node("a"), lease: lease(2), now: at(300))
    #expect(!health.isSilent("b", now: at(301)))
    for time: Int64 in stride(from: 310, through: 340, by: 10) { health.onSeen(node: node("a"), lease: lease(time), now: at(time)) }
    #expect(!health.isSilent("b", now: at(340)) && health.isSilent("b", now: at(341)))
    #expect(!health.isSilent("a", now: at(341)))
  }

  @Test func `a node of a dark center is silent after two renewals and a half, one that renews is not`() {
    var health = NodeHealthInstance(settings: .init(grace: .seconds(40), startupGrace: .seconds(60)))
    for time: Int64 in 0...10 {
      health.onSeen(node: node("alive"), lease: lease(time), now: at(time))
      health.onSeen(node: node("dead"), lease: lease(min(time, 7)), now: at(time))
      health.onSeen(node: node("newborn"), lease: nil, now: at(time))
    }
    #expect(health.isSilent("dead", isDark: true, now: at(10)) && !health.isSilent("dead", isDark: false, now: at(10)))
    #expect(!health.isSilent("dead", isDark: true, now: at(9)) && !health.isSilent("alive", isDark: true, now: at(10)))
    #expect(!health.isSilent("newborn", isDark: true, now: at(10)))
    #expect(health.nextLook("alive", isDark: true, now: at(10)) == .milliseconds(2_501))
  }

  @Test func `a broken network does not empty a zone`() {
    var rate = EvictionRate(settings: .init())
    #expect(rate.rate(ready: 9, notReady: 1, anotherZoneIsHealthy: false) == 0.1)
    #expect(rate.rate(ready: 4, notReady: 6, anotherZoneIsHealthy: true) == 0)
    #expect(rate.rate(ready: 40, notReady: 60, anotherZoneIsHealthy: true) == 0.01)
    #expect(rate.rate(ready: 0, notReady: 2, anotherZoneIsHealthy: true) == 0.1)
    #expect(rate.rate(ready: 0, notReady: 2, anotherZoneIsHealthy: false) == 0)
    let turns: [Bool] = (0..<25).map { rate.take(zone: "z", rate: 0.1, now: at($0)) }
    #expect(turns.indices.filter { turns[$0] } == [0, 10, 20])
  }
}
