import KubeModel
import Primitives
import Processes
import Testing

/// `tricenter site check FILE`: good files, and bad ones with file, line and reason.
@Suite("tricenter site check") struct SiteCommandTests {
  struct Mistake: Sendable, CustomTestStringConvertible {
    var name: String
    var from: String
    var to: String
    /// What the line with the mistake holds.
    var line: String
    var reason: String
    var testDescription: String { name }
  }

  static let mistakes: [Mistake] = [
    .init(name: "overlapping pods", from: "pods: 10.171.2.0/24", to: "pods: 10.171.1.0/25", line: "prod-2", reason: "overlaps"),
    .init(
      name: "overlapping networks", from: "network: 10.72.0.0/24", to: "network: 10.71.0.0/24", line: "network: 10.71.0.0/24",
      reason: "overlaps"),
    .init(name: "loopback", from: "services: 10.196.0.0/16", to: "services: 127.0.0.0/16", line: "services:", reason: "loopback"),
    .init(name: "link-local", from: "services: 10.196.0.0/16", to: "services: 169.254.0.0/16", line: "services:", reason: "link-local"),
    .init(name: "multicast", from: "services: 10.196.0.0/16", to: "services: 224.0.0.0/16", line: "services:", reason: "multicast"),
    .init(name: "class E", from: "services: 10.196.0.0/16", to: "services: 240.0.0.0/16", line: "services:", reason: "class E"),
    .init(name: "default route", from: "services: 10.196.0.0/16", to: "services: 0.0.0.0/0", line: "services:", reason: "default route"),
    .init(
      name: "documentation", from: "services: 10.196.0.0/16", to: "services: 198.51.100.0/24", line: "services:", reason: "TEST-NET-2"),
    .init(name: "a majority in one center", from: "{ name: ldr-1,", to: "{ voter: false, name: ldr-1,", line: "", reason: "majority"),
    .init(name: "no voter", from: "{ name: rdr-1,", to: "{ voter: false, name: rdr-1,", line: "rdr-1", reason: "no voter"),
    .init(name: "an unknown field", from: "zone: tricenter.test", to: "zone: tricenter.test\nzones: [a]", line: "zones", reason: "zones"),
    .init(name: "two productions", from: "role: local-dr", to: "role: production", line: "role", reason: "production"),
    .init(
      name: "an address outside its network", from: "address: 10.73.0.11", to: "address: 10.74.0.11", line: "rdr-1", reason: "10.74.0.11"),
    .init(name: "not a time", from: "roundTrip: 2ms", to: "roundTrip: soon", line: "roundTrip: soon", reason: "soon"),
    .init(name: "an unknown center", from: "automaticTo: [local-dr]", to: "automaticTo: [moon]", line: "automaticTo", reason: "moon"),
    .init(name: "no YAML", from: "cities: [east, west]", to: "cities: [east, west", line: "", reason: "is not YAML"),
  ]

  private func check(_ path: String, _ more: String...) async throws -> Said {
    Said(["site", "check", path], try await Command.plain([Program.path, "site", "check", path] + more))
  }

  @Test("accepts the sites of this checkout", arguments: ["sites/lab/site.yaml", "sites/two-cities/site.yaml"])
  func good(_ path: String) async throws {
    let said: Said = try await check("\(Program.checkout)/\(path)").passed()
    #expect(said.output.contains("3 centers, 5 hosts, 5 voters, 1 clusters: well formed"), "\(said)")
    #expect(
      try JSONValue.parse(try await check("\(Program.checkout)/\(path)", "--output", "json").passed().output)["wellFormed"].bool == true)
  }

  @Test("refuses with file, line and reason", arguments: mistakes) func bad(_ mistake: Mistake) async throws {
    let folder: String = try temporaryFolder()
    let path = "\(folder)/site.yaml"
    let original: String = readFile(Program.siteFile)
    #expect(original.contains(mistake.from), "the lab's site no longer holds \(mistake.from)")
    let text: String = original.replacing(mistake.from, with: mistake.to)
    try writeFile(text, to: path)
    let said: Said = try await check(path)
    let machine: Said = try await check(path, "--output", "json")
    try await Command("rm", "-rf", folder).run()
    #expect(said.status == 2 && machine.status == 2, "\(said)")
    let lines: [Substring] = said.output.split(separator: "\n")
    #expect(!lines.isEmpty && lines.allSatisfy { $0.hasPrefix("\(path):") }, "\(said)")
    // FILE:LINE:COLUMN: reason, and the line is the one with the mistake.
    let source: [Substring] = text.split(separator: "\n", omittingEmptySubsequences: false)
    let found: Bool = lines.contains { line in
      let parts: [Substring] = line.dropFirst(path.count + 1).split(separator: ":", maxSplits: 2)
      guard parts.count == 3, let number = Int(parts[0]), Int(parts[1]) != nil, source.indices.contains(number - 1) else { return false }
      return parts[2].contains(mistake.reason) && (mistake.line.isEmpty || source[number - 1].contains(mistake.line))
    }
    #expect(found, "\(mistake.name): \(said)")
    let problems: [JSONValue] = try JSONValue.parse(machine.output)["problems"].array
    #expect(problems.count == lines.count && problems.allSatisfy { $0["line"].int != nil && $0["reason"].string != nil })
  }

  @Test("says so when there is no such file") func missing() async throws {
    let said: Said = try await check("/nowhere/site.yaml")
    #expect(said.status == 2 && said.everything.contains("/nowhere/site.yaml") && said.everything.contains("No such file"), "\(said)")
  }
}
