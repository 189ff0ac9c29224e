import Glibc
import TestSupport
import Testing

@testable import Site

@Suite struct SiteReaderTests {
  static let lab: String = {
    let root: String = #filePath.replacing("/Tests/SiteTests/SiteReaderTests.swift", with: "")
    return root + "/sites/lab/site.yaml"
  }()

  static func text(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count: Int = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  @Test func theLabsSiteIsAccepted() throws {
    let site: Site = try SiteReader.read(path: Self.lab)
    #expect(site.voters.map(\.name.value) == ["prod-1", "prod-2", "ldr-1", "ldr-2", "rdr-1"])
    #expect(site.roundTrip("production", "remote-dr") == .milliseconds(30))
    #expect(site.center(of: "ldr-2")?.role == .localDR)
    #expect(site.clusters[0].automaticTo == ["local-dr"])
    #expect(site.vantages.map(\.name) == ["branch-1"])
  }

  @Test func theExampleForFiveHostsIsAccepted() throws {
    let site: Site = try SiteReader.read(path: Self.lab.replacing("/lab/site.yaml", with: "/two-cities/site.yaml"))
    #expect(site.hosts.count == 5)
  }

  /// One change to the lab's file, and what must be said about it.
  @Test(arguments: [
    ("network: 10.72.0.0/24", "network: 10.71.0.0/25", "overlaps 10.71.0.0/24 for production's network"),
    ("pods: 10.171.2.0/24", "pods: 10.171.1.128/25", "overlaps 10.171.1.0/24 for the pods of prod-1"),
    ("pods: 10.171.2.0/24", "pods: 224.1.2.0/24", "class D"),
    ("pods: 10.171.2.0/24", "pods: 192.0.2.0/24", "TEST-NET-1"),
    ("pods: 10.171.2.0/24", "pods: 127.1.2.0/24", "loopback"),
    ("services: 10.196.0.0/16", "services: 0.0.0.0/0", "default route"),
    ("services: 10.196.0.0/16", "services: 169.254.0.0/16", "link-local"),
    ("services: 10.196.0.0/16", "services: 240.0.0.0/8", "class E"),
    ("services: 10.196.0.0/16", "services: 10.196.0.1/16", "has bits set behind its prefix"),
    ("role: local-dr", "role: production", "is a second production; production has that role already"),
    ("role: local-dr", "role: primary", "it must be production, local-dr or remote-dr"),
    ("city: west", "city: east", "must lie in another city than production"),
    ("city: west", "city: north", "which cities does not list"),
    ("zone: tricenter.test", "zome: tricenter.test", "did you mean zone?"),
    ("zone: tricenter.test", "", "zone is missing"),
    ("address: 10.72.0.11", "address: 10.71.0.11", "outside local-dr's network"),
    ("address: 10.72.0.12", "address: 10.72.0.11", "has the address 10.72.0.11 of host ldr-1"),
    ("name: ldr-2", "name: ldr-1", "host ldr-1 stands here twice"),
    ("name: ldr-2", "name: LDR_2", "RFC 1123 label"),
    ("pods: 10.173.1.0/24 }", "pods: 10.173.1.0/24, voter: false }", "has no voter"),
    ("10.172.2.0/24 }", "10.172.2.0/24, voter: false }", "an even number"),
    ("automaticTo: [local-dr]", "automaticTo: [remote-dr]", "only by decision"),
    ("automaticTo: [local-dr]", "automaticTo: [moon]", "does not hold it"),
    ("centers: [production, local-dr, remote-dr]", "centers: [production, mars]", "no center is called mars"),
    ("name: branch-1", "name: prod-1", "has the name of a host or of another vantage"),
    ("cluster: bank\n", "cluster: back\n", "no cluster is called so"),
    ("{ center: production, url:", "{ center: product, url:", "no center is called product"),
    ("url: \"http://10.71.0.11:30080/\"", "url: \"10.71.0.11:30080\"", "it must be http://HOST:PORT/PATH"),
    ("zone: tricenter.test", "store: { shrink: alone }\nzone: tricenter.test", "it must be manual, latency or durable"),
    ("zone: tricenter.test", "store: { relay: always }\nzone: tricenter.test", "it must be centers, cities or never"),
    ("zone: tricenter.test", "store: { snapshotRates: { far: 50 } }\nzone: tricenter.test", "bytes per second such as 50MiB"),
    ("lease: 2s", "lease: 1s", "leaves no room for four renewals"),
    ("roundTrip: 2ms", "roundTrip: fast", "it must be a time such as 2ms"),
    ("between: [production, local-dr]", "between: [production, moon]", "no center is called moon"),
    ("federation: lab", "federation: [", "is not YAML"),
    ("federation: lab", "federation: lab\nfederation: twice", "federation stands twice"),
    ("margin: 400ms", "margin: 0ms", "less than a twentieth of the lease"),
    ("renewEvery: 200ms", "renewEvery: 0ms", "20ms is the least"),
    ("margin: 400ms", "margin: 200ms", "less than the 300ms"),
    ("lease: 2s, renewEvery: 200ms, margin: 400ms", "lease: 400ms, renewEvery: 50ms, margin: 50ms", "shorter than 2s"),
    ("pods: 10.171.2.0/24", "pods: 'fd00:1::/64'", "is IPv6"),
    ("nodePorts: 30000-32767", "nodePorts: 2379-7000", "of the hosts' own daemons"),
    ("name: ldr-2", "name: l\(String(repeating: "d", count: 50))", "more than the 48 letters"),
  ])
  func aMistakeIsRefusedWithItsLine(original: String, changed: String, expected: String) throws {
    let text: String = Self.text(Self.lab)
    let position = try #require(text.firstRange(of: original))
    let line: Int = text[..<position.lowerBound].count { $0 == "\n" } + 1
    let problems: SiteProblems = try #require(throws: SiteProblems.self) {
      try SiteReader.parse(text.replacing(original, with: changed, maxReplacements: 1), file: "site.yaml")
    }
    #expect(problems.description.contains(expected), "said: \(problems)")
    // Rules about the whole (missing field, even number of voters, a center's hosts) point at the part they are about.
    if !["zone is missing", "an even number", "has no voter", "is not YAML"].contains(where: { expected.contains($0) }) {
      #expect(problems.problems.contains { $0.line == line && $0.column > 0 }, "line \(line); said: \(problems)")
    }
  }

  @Test func aCenterWithAMajorityOfItsOwnIsRefused() throws {
    let text: String = Self.text(Self.lab).replacing(
      "      - { name: prod-2, address: 10.71.0.12, pods: 10.171.2.0/24 }",
      with: """
              - { name: prod-2, address: 10.71.0.12, pods: 10.171.2.0/24 }
              - { name: prod-3, address: 10.71.0.13, pods: 10.171.3.0/24 }
              - { name: prod-4, address: 10.71.0.14, pods: 10.171.4.0/24 }
        """)
    let problems: SiteProblems = try #require(throws: SiteProblems.self) { try SiteReader.parse(text, file: "site.yaml") }
    #expect(problems.description.contains("4 of 7 voters, a majority of its own"))
  }

  @Test func severalMistakesAreToldAtOnce() throws {
    let text: String = Self.text(Self.lab)
      .replacing("services: 10.196.0.0/16", with: "services: 240.0.0.0/8").replacing("name: ldr-2", with: "name: ldr-1")
    let problems: SiteProblems = try #require(throws: SiteProblems.self) { try SiteReader.parse(text, file: "site.yaml") }
    #expect(problems.problems.count >= 2)
  }
}
