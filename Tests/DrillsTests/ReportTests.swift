import KubeClient
import KubeModel
import Primitives
import TLS
import Testing

@testable import Drills

@Suite struct ReportTests {
  static let now = WallTime(secondsSince1970: 1_800_000_000)
  static let authority: Result<CertificateAuthority, any Error> = Result {
    try CertificateAuthority.create(commonName: "tricenter lab ca", lifetime: .seconds(86_400 * 30), now: now)
  }

  static func identity(_ name: String = FederationPKI.reports) throws -> TLSIdentity {
    var leaf = LeafDescription(commonName: name)
    leaf.lifetime = .seconds(86_400)
    return try authority.get().issue(leaf, now: now)
  }

  static let report: JSONValue = [
    "runbook": "production-loss", "title": "Production dies & local-dr serves", "verdict": "passed", "run": "r1", "mode": "live",
    "started_at": "2027-01-15T08:00:01.000000Z", "took_ms": 61_000.5, "rto_ms": 4_321.5, "first_write_ms": 640, "detection_ms": 480,
    "election_ms": 610, "activation_ms": 3_050, "lost_writes": 0, "acknowledged_writes": 1_234, "requests": 400, "failed_requests": 60,
    "objectives": ["rto_ms": 8_000, "first_write_ms": 3_000, "lost_writes": 0],
    "rto_split_ms": ["detection": 480, "decision": 2_570, "execution": 1_271.5, "verification": 900],
    "timeline": [["ms": 0, "event": "fault", "center": "production", "detail": "loss begins"]],
    "rates": [["ms": -250, "served": 5, "failed": 0, "written": 40], ["ms": 0, "served": 0, "failed": 5, "written": 0]],
    "samples": [
      ["ms": -500, "ready": ["production": 3], "lag_entries": 2], ["ms": 4_000, "ready": ["local-dr": 3], "lag_entries": 700],
    ],
    "steps": [
      [
        "id": "loss", "title": "SIGKILL", "action": "fault.centerLoss", "outcome": "passed", "phase": "Completed", "began_ms": 0,
        "took_ms": 90, "expected_ms": 200, "message": "12 processes ended", "evidence": ["activation": ["holderIdentity": "</script>"]],
      ],
      [
        "id": "served", "title": "Served", "action": "probe.waitServed", "outcome": "failed", "phase": "Failed", "began_ms": 100,
        "took_ms": 4_300, "message": "no",
      ],
    ],
    "participants": [
      "requested_by": "admin", "runners": 1,
      "approvals": [["step": "loss", "user": "mei", "role": "dba", "decision": "approve", "comment": "go", "time": "t"]],
    ],
    "deviations": ["Served: no"], "advice": ["Look at it."],
  ]

  @Test func aSealHoldsAndWhateverIsChangedIsNoticed() throws {
    let trust: TLSTrust = try Self.authority.get().trust
    let sealed: JSONValue = try ReportSeal.sealed(Self.report, sequence: 7, previous: "abc", by: Self.identity())
    // As a file has it.
    let read: JSONValue = try JSONValue.parse(Bytes(sealed.pretty()))
    let finding: ReportSeal.Finding = ReportSeal.check(read, trust: trust)
    #expect(finding.problems.isEmpty && finding.sequence == 7 && finding.previous == "abc", "\(finding)")
    #expect(finding.signer == FederationPKI.reports)
    func problems(_ change: (inout JSONValue) -> Void) -> String {
      var changed: JSONValue = read
      change(&changed)
      return ReportSeal.check(changed, trust: trust).problems.joined(separator: " ")
    }
    #expect(problems { $0["rto_ms"] = 12 }.contains("changed after it was sealed"))
    #expect(problems { $0["seal"]["sequence"] = 8 }.contains("signature does not fit"))
    #expect(problems { $0["seal"]["previous"] = "abd" }.contains("signature does not fit"))
    #expect(problems { $0["seal"] = .null }.contains("no seal"))
    #expect(problems { $0["started_at"] = "2031-01-15T08:00:01Z" }.contains("was not valid when the run began"))
    // Changed and sealed again by somebody else.
    let strange: JSONValue = try ReportSeal.sealed(Self.report, sequence: 7, previous: "abc", by: Self.identity("admin"))
    #expect(ReportSeal.check(strange, trust: trust).problems.contains { $0.contains("admin does not sign reports") })
    let foreign = try CertificateAuthority.create(commonName: "other ca", lifetime: .seconds(86_400), now: Self.now)
    #expect(ReportSeal.check(read, trust: foreign.trust).problems.contains { $0.contains("not issued by this federation") })
  }

  @Test func reportsFollowEachOther() throws {
    let trust: TLSTrust = try Self.authority.get().trust
    func finding(_ sequence: Int64, _ previous: String, _ rto: Int64) throws -> ReportSeal.Finding {
      var report: JSONValue = Self.report
      report["rto_ms"] = .int(rto)
      return ReportSeal.check(try ReportSeal.sealed(report, sequence: sequence, previous: previous, by: Self.identity()), trust: trust)
    }
    let first: ReportSeal.Finding = try finding(1, "", 10)
    let second: ReportSeal.Finding = try finding(2, first.hash, 20)
    #expect(ReportSeal.chainProblems([("2", second), ("1", first)]).isEmpty)
    let forged: ReportSeal.Finding = try finding(2, "0000", 30)
    #expect(ReportSeal.chainProblems([("1", first), ("x", forged)]).first?.contains("x does not follow 1") == true)
    #expect(ReportSeal.chainProblems([("2", second), ("x", forged)]).first?.contains("both have the number 2") == true)
    // One that is not there leaves a gap, and nothing can be said of it.
    #expect(try ReportSeal.chainProblems([("1", first), ("5", finding(5, "0000", 30))]).isEmpty)
  }

  @Test func theChainIsMovedOnByOneAtATime() async throws {
    try await RunStage.with { stage in
      _ = try? await stage.client.create(
        .namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "tricenter-system"]]))
      let identity: TLSIdentity = try Self.identity()
      let sealed: [JSONValue] = try await withThrowingTaskGroup(of: JSONValue.self) { group in
        for number in 0..<6 {
          group.addTask {
            var report: JSONValue = Self.report
            report["run"] = .string("run-\(number)")
            return try await ReportChain(client: stage.client).append(report, run: "run-\(number)", by: identity)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let trust: TLSTrust = try Self.authority.get().trust
      let findings = sealed.map { (name: $0["run"].string ?? "", finding: ReportSeal.check($0, trust: trust)) }
      #expect(findings.map(\.finding.sequence).sorted() == [1, 2, 3, 4, 5, 6])
      #expect(findings.allSatisfy(\.finding.problems.isEmpty) && ReportSeal.chainProblems(findings).isEmpty)
      // An answer that was lost: asked again, it is the same report.
      let last: JSONValue = try #require(sealed.max { ($0["seal"]["sequence"].int ?? 0) < ($1["seal"]["sequence"].int ?? 0) })
      var bare: JSONValue = last
      bare["seal"] = .null
      let again: JSONValue = try await ReportChain(client: stage.client).append(bare, run: last["run"].string ?? "", by: identity)
      #expect(again["seal"]["sequence"] == last["seal"]["sequence"])
      #expect(try await ReportChain(client: stage.client).head()?.sequence == 6)
    }
  }

  @Test func aPageIsDrawnFromTheReportAndCarriesIt() throws {
    let sealed: JSONValue = try ReportSeal.sealed(Self.report, sequence: 1, previous: "", by: Self.identity())
    let page: String = ReportPage.text(sealed)
    let carried: JSONValue = try #require(ReportPage.document(page))
    #expect(carried == sealed && ReportPage.text(carried) == page)
    // Whatever stands in a report closes no element of the page.
    #expect(page.ranges(of: "</script>").count == 1 && page.contains("Production dies &amp; local-dr serves"))
    for word in ["first request 4322 ms", "detected 480 ms", "ready pods", "lag, entries", "not met", "mei", "number in the chain"] {
      #expect(page.contains(word) == (word != "not met"), "\(word)")
    }
    // It stands alone: nothing in it leads out of it, and a browser is told so.
    let drawn: String = String(page[..<(try #require(page.firstRange(of: ReportPage.opening)).lowerBound)])
    for way in [
      " src=", " href=", ":href=", " srcset=", "url(", "@import", "<link", "<iframe", "<object", "<embed", "<img", "http-equiv=\"refresh",
    ] {
      #expect(!drawn.lowercased().contains(way), "\(way) leads out of the page")
    }
    #expect(!page.contains("http://") && !page.contains("https://") && !page.contains("<script src"))
    #expect(page.contains("default-src 'none'"))
  }

  @Test(arguments: [(0.0, "0"), (12.34, "12.3"), (-0.26, "-0.3"), (100.0, "100")])
  func numbersAreShort(value: Double, text: String) { #expect(SVG.number(value) == text) }

  @Test(arguments: [(10_000.0, 14, 1_000.0), (61_000.0, 14, 5_000.0), (900.0, 10, 100.0), (1.0, 10, 0.1)])
  func ticksAreRound(span: Double, wanted: Int, step: Double) { #expect(SVG.tick(span, wanted) == step) }
}
