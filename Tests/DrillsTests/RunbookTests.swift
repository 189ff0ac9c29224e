import Primitives
import Site
import Testing

@testable import Drills

@Suite struct RunbookTests {
  static let root: String = #filePath.replacing("/Tests/DrillsTests/RunbookTests.swift", with: "")
  static func site() throws -> Site { try SiteReader.read(path: root + "/sites/lab/site.yaml") }

  @Test func theShippedRunbookIsWellFormed() throws {
    let runbook: Runbook = try RunbookReader.read(path: Self.root + "/runbooks/production-loss.yaml", site: Self.site())
    #expect(runbook.objectives == .init(firstWrite: .seconds(3), rto: .seconds(8), lostWrites: 0))
    #expect(runbook.steps.contains { $0.action == "fault.centerLoss" && $0.inputs["center"] == "production" })
    #expect(runbook.steps.filter(\.always).map(\.action) == ["fault.centerReturn"])
  }

  @Test func theShippedWorkloadCanBeApplied() throws {
    let objects = try Manifest.read(Self.root + "/runbooks/workloads/shop-web.yaml")
    #expect(objects.map(\.kind) == ["Namespace", "Deployment", "Service"])
    #expect(objects.allSatisfy { Manifest.resource(of: $0) != nil })
    #expect(objects[1].spec["replicas"].int == 3)
    #expect(objects[1].spec["template"]["spec"]["containers"][0]["ports"][0]["containerPort"].int == 8080)
  }

  static let good = """
    id: x
    title: X
    cluster: bank
    steps:
      - id: one
        title: One
        action: fault.centerLoss
        inputs: { center: production }
        timeout: 3s
    """

  @Test(arguments: [
    ("center: production", "center: moon", "no center is called moon", 8), ("timeout: 3s", "timeout: soon", "a time such as 30s", 9),
    ("fault.centerLoss", "fault.meteor", "it must be one of", 7), ("cluster: bank", "cluster: shop", "it must be one of bank", 3),
    ("inputs: { center: production }", "inputs: { centre: production }", "did you mean center?", 8),
    ("title: One", "titel: One", "did you mean title?", 6),
  ])
  func aMistakeIsToldWithItsLine(original: String, changed: String, expected: String, line: Int) throws {
    let text: String = Self.good.replacing(original, with: changed)
    let problems: SiteProblems = try #require(throws: SiteProblems.self) {
      try RunbookReader.parse(text, file: "x.yaml", folder: ".", site: Self.site())
    }
    #expect(problems.problems.contains { $0.line == line && $0.reason.contains(expected) }, "\(problems)")
  }

  @Test func aDNSAnswerIsRead() throws {
    let question: Bytes = GlobalResolver.question("web.shop.bank.test", id: 7)
    var answer: Bytes = question
    answer[2] = 0x85
    answer[7] = 2
    answer += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 1, 2, 3]
    answer += [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 1, 2, 4]
    let parsed: GlobalResolver.Answer = try GlobalResolver.parse(answer, id: 7).get()
    #expect(parsed.addresses == ["10.1.2.3", "10.1.2.4"])
    #expect(parsed.ttlSeconds == 1)
    #expect(throws: DrillError.self) { try GlobalResolver.parse(answer, id: 8).get() }
    for length in answer.indices { _ = GlobalResolver.parse(Bytes(answer[..<length]), id: 7) }
  }
}
