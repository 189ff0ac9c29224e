import Primitives
import Site
import Testing

@testable import Lab

/// The parts of a fenced copy that need no machine.
@Suite struct CopyTests {
  private func real() throws -> Site { try SiteReader.read(path: LabPartsTests.siteFile) }

  @Test func aCopySharesNoNameAndNoAddress() throws {
    let real: Site = try real()
    let plan = try CopyPlan(real, center: "local-dr", token: "a1b2c3")
    #expect(plan.site.federation == "lab-copy-a1b2c3" && plan.site.zone == "copy.tricenter.test")
    #expect(plan.hosts.map(\.name) == ["copy-ldr-1", "copy-ldr-2"])
    #expect(plan.hosts.map { CopyPlan.original($0.name) } == ["ldr-1", "ldr-2"])
    #expect(Set(plan.site.hosts.map(\.name)).isDisjoint(with: real.hosts.map(\.name)))
    let taken: [IPRange] = real.centers.flatMap { [$0.network] + $0.hosts.map(\.pods) } + [try #require(real.lab).branch.network]
    let own: [IPRange] = plan.site.centers.flatMap { [$0.network] + $0.hosts.map(\.pods) } + [try #require(plan.branch).network, plan.edge]
    #expect(own.allSatisfy { plan.range.contains($0) })
    #expect(!taken.contains { $0.overlaps(plan.range) })
    // What the objects name stays: the cluster, its centers, its Services.
    #expect(plan.site.centers.map(\.name) == real.centers.map(\.name) && plan.site.clusters[0].services == real.clusters[0].services)
    #expect(plan.site.activation.lease == real.activation.lease && plan.site.ports.apiserver == real.ports.apiserver)
  }

  @Test func noBlockIsTakenThatTheSiteHas() throws {
    let text: String = try #require(LabDirectory.read(LabPartsTests.siteFile)).replacing("10.79.0.", with: "10.80.3.")
    let plan = try CopyPlan(SiteReader.parse(text, file: "s"), center: "remote-dr", token: "t")
    #expect(plan.range.description == "10.81.0.0/16" && plan.hosts.map(\.name) == ["copy-rdr-1"])
    #expect(throws: LabError.self) { try CopyPlan(real(), center: "moon", token: "t") }
  }

  @Test func everyCableEndsInTheCopyAndTheFenceDropsTheRest() throws {
    let plan = try CopyPlan(real(), center: "local-dr", token: "t")
    let names: [String] = CopyNetwork.namespaces(plan)
    #expect(names == ["tc-copy-net", "tc-copy-edge", "tc-copy-ldr-1", "tc-copy-ldr-2", "tc-copy-branch"])
    for line in CopyNetwork.cables(plan).split(separator: "\n") {
      let words: [String] = line.split(separator: " ").map(String.init)
      let ends: [String] = words.indices.filter { words[$0] == "netns" }.map { words[$0 + 1] }
      #expect(ends.count == 2 && ends.allSatisfy(names.contains), "\(line)")
    }
    let fence: String = CopyNetwork.fence(plan)
    #expect(fence.contains("hook forward priority -300; policy drop;"))
    #expect(fence.contains("oifname \"edge0\" counter name stopped drop"))
    #expect(fence.contains("ip saddr \(plan.range) ip daddr \(plan.range) counter name within accept"))
    #expect(CopyNetwork.witnessTable(plan).contains("ip daddr \(plan.range) counter name seen"))
    #expect(!CopyNetwork.witnessTable(plan).contains("drop"))
  }

  @Test func countersAreRead() {
    let listed: String = """
      table inet tricenter-copy {
      \tcounter stopped {
      \t\tpackets 42 bytes 2520
      \t}

      \tcounter left {
      \t\tpackets 0 bytes 0
      \t}
      }
      """
    #expect(FenceCounts.packets(listed) == ["stopped": 42, "left": 0])
    let link: String = """
      2: eth0@if3: <BROADCAST,NOARP,UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
          link/ether 3e:9f:0d:45:07:0b brd ff:ff:ff:ff:ff:ff link-netns tc-copy-net
          RX:  bytes packets errors dropped  missed   mcast
                 180       3      0       0       0       0
          TX:  bytes packets errors dropped carrier collsns
                   0       0      0       0       0       0
      """
    #expect(FenceCounts.received(link) == 3)
    #expect(FenceCounts.received("nothing") == nil)
  }

  @Test func aLeaseThatCannotBeReadIsOver() throws {
    let folder = LabDirectory(path: "/tmp/tricenter-copy-lease-\(UInt32.random(in: 0 ... .max))")
    try LabDirectory.make(folder.path)
    let lease = CopyLease(folder)
    let now = MonotonicTime(nanoseconds: 5_000_000_000)
    #expect(lease.isOver(now))
    try lease.renew(.seconds(2), now: now)
    #expect(!lease.isOver(now) && !lease.isOver(now + .milliseconds(1_999)) && lease.isOver(now + .seconds(2)))
    try LabDirectory.write("soon\n", to: folder.copyLease)
    #expect(lease.isOver(now))
    lease.end()
    #expect(lease.isOver(now))
    #expect(!folder.isCopy)
  }
}
