import Primitives
import Site
import TestSupport
import Testing

@testable import Drills

@Suite struct RunbookTests {
  static let root: String = #filePath.replacing("/Tests/DrillsTests/RunbookTests.swift", with: "")
  static func site() throws -> Site { try SiteReader.read(path: root + "/sites/lab/site.yaml") }

  static let shipped: [String] = [
    "runbooks/approval-timeout.yaml", "runbooks/backup-restore.yaml", "runbooks/branch-access.yaml", "runbooks/capacity-shortfall.yaml",
    "runbooks/certificate-expiry.yaml", "runbooks/city-loss.yaml", "runbooks/failover-approval.yaml", "runbooks/federation-lost.yaml",
    "runbooks/flapping-link.yaml", "runbooks/isolated-copy.yaml", "runbooks/leader-kill-slow-disk.yaml", "runbooks/local-dr-loss.yaml",
    "runbooks/names-only.yaml", "runbooks/one-way-partition.yaml", "runbooks/partition.yaml", "runbooks/planned-switchover.yaml",
    "runbooks/postgresql.yaml", "runbooks/production-loss-tiers.yaml", "runbooks/production-loss.yaml", "runbooks/remote-brown-out.yaml",
    "runbooks/remote-dr-loss.yaml", "runbooks/rolling-upgrade.yaml", "runbooks/single-namespace.yaml", "runbooks/tabletop.yaml",
    "runbooks/unannounced.yaml", "runbooks/zombie-production.yaml",
  ]

  @Test func noRunbookIsForgotten() throws {
    #expect(try Transcript.files(in: Self.root + "/runbooks", suffix: ".yaml").map { "runbooks/\($0)" } == Self.shipped)
  }

  @Test func everyRunbookStandsInTheTable() throws {
    let readme: String = try Transcript.readText(Self.root + "/Sources/Drills/README.md")
    for path in Self.shipped { #expect(readme.contains("| `\(path.replacing("runbooks/", with: ""))` |"), "\(path) is not in the README") }
  }

  @Test func theFirstRunbookIsWellFormed() throws {
    let runbook: Runbook = try RunbookReader.read(path: Self.root + "/runbooks/production-loss.yaml", site: Self.site())
    var wanted = Runbook.Objectives(firstWrite: .seconds(3), rto: .seconds(8), lostWrites: 0)
    wanted.endpointsGone = .seconds(3)
    #expect(runbook.objectives == wanted)
    #expect(runbook.steps.contains { $0.action == "fault.centerLoss" && $0.inputs["center"] == "production" })
    #expect(runbook.steps.filter(\.always).map(\.action) == ["fault.centerReturn"])
    let plan = try RunPlan(runbook, run: "r", site: Self.site())
    // Without a word about it, every step waits for the one before.
    let spoken: Set<String> = ["first-write", "served", "replaced"]
    #expect(plan.steps.indices.allSatisfy { spoken.contains(plan.steps[$0].id) || plan.steps[$0].dependsOn == ($0 == 0 ? [] : [$0 - 1]) })
    #expect(plan.carried.keys.sorted() == ["workloads/shop-web.yaml"])
  }

  @Test(arguments: shipped) func everyShippedRunbookIsWellFormed(_ path: String) throws {
    let site: Site = try Self.site()
    let runbook: Runbook = try RunbookReader.read(path: "\(Self.root)/\(path)", site: site)
    #expect("runbooks/\(runbook.id).yaml" == path)
    for variant in runbook.variants.isEmpty ? [""] : runbook.variants.map(\.name) {
      let plan = try RunPlan(runbook, run: "r", variant: variant, site: site)
      #expect(!plan.steps.isEmpty && !PlanDrawing.text(plan).isEmpty)
    }
  }

  @Test func theShippedWorkloadsCanBeApplied() throws {
    let namespace = try Manifest.objects(Transcript.readText(Self.root + "/runbooks/workloads/drill-namespace.yaml"))
    #expect(namespace.map(\.kind) == ["Namespace"])
    let tiers = try Manifest.objects(Transcript.readText(Self.root + "/runbooks/workloads/shop-tiers.yaml"))
    #expect(!tiers.isEmpty && tiers.allSatisfy { Manifest.resource(of: $0) != nil })
    let payments = try Manifest.objects(Transcript.readText(Self.root + "/runbooks/workloads/payments-api.yaml"))
    #expect(payments.map(\.kind) == ["Namespace", "Deployment", "Service"])
    let objects = try Manifest.objects(Transcript.readText(Self.root + "/runbooks/workloads/shop-web.yaml"))
    #expect(objects.map(\.kind) == ["Namespace", "Deployment", "Service"])
    #expect(objects.allSatisfy { Manifest.resource(of: $0) != nil })
    #expect(objects[1].spec["replicas"].int == 3)
    #expect(objects[1].spec["template"]["spec"]["containers"][0]["ports"][0]["containerPort"].int == 8080)
  }

  /// `runbooks/profiles/gb-t-20988.yaml`
  @Test func theShippedProfileIsWellFormed() throws {
    let profile: ServiceProfile = try ServiceProfile.read("gb-t-20988", .folder(Self.root + "/runbooks")).get()
    #expect(profile.levels.map(\.number) == [1, 2, 3, 4, 5, 6])
    #expect(profile.attained(rto: .seconds(5), rpo: .zero)?.number == 6)
    #expect(profile.attained(rto: .seconds(5), rpo: .seconds(60))?.number == 5)
    #expect(profile.attained(rto: .seconds(3_600 * 30), rpo: .seconds(60))?.number == 4)
    #expect(profile.attained(rto: .seconds(86_400 * 30), rpo: .zero) == nil)
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

  static func problems(_ text: String) -> [SiteProblem] {
    do {
      _ = try RunbookReader.parse(text, file: "x.yaml", files: .folder(root + "/runbooks"), site: site())
      return []
    } catch {
      return (error as? SiteProblems)?.problems ?? []
    }
  }

  @Test(arguments: [
    ("center: production", "center: moon", "no center is called moon", 8), ("timeout: 3s", "timeout: soon", "a time such as 30s", 9),
    ("fault.centerLoss", "fault.meteor", "it must be one of", 7), ("cluster: bank", "cluster: shop", "it must be one of bank", 3),
    ("inputs: { center: production }", "inputs: { centre: production }", "did you mean center?", 8),
    ("title: One", "titel: One", "did you mean title?", 6), ("center: production", "center: \"${where}\"", "no parameter where", 8),
    ("timeout: 3s", "timeout: 3s\n    dependsOn: [zero]", "there is no such step", 5),
    ("timeout: 3s", "timeout: 3s\n    dependsOn: [one]", "waits for itself", 5),
    ("timeout: 3s", "timeout: 3s\n    expected: 4s", "longer than the step's timeout", 10),
    ("timeout: 3s", "timeout: 3s\n    retry: { attempts: 0 }", "it must be 1 to", 10),
    ("timeout: 3s", "timeout: 3s\n    approval: { roles: [], timeout: 1m }", "roles must name a group", 10),
    ("timeout: 3s", "timeout: 3s\n    evidence: [moon]", "names no object", 10),
    ("timeout: 3s", "timeout: 3s\n    evidence: [v1/Moon/a/b]", "no kind Moon is served in v1", 10),
    ("timeout: 3s", "timeout: 3s\n    evidence: [v1/Node/a/b]", "a Node has no namespace", 10),
    ("timeout: 3s", "timeout: 3s\n    variants: [planned]", "no such variant", 5),
    ("timeout: 3s", "timeout: 3s\n    preconditions: [{ action: fault.centerLoss, inputs: { center: production } }]", "only looks", 10),
    ("cluster: bank", "cluster: bank\nparameters: { who: { type: center } }", "is used by no step", 4),
    ("cluster: bank", "cluster: bank\nparameters: { who: { type: centre } }", "one of text, number", 4),
    ("cluster: bank", "cluster: bank\nobjectives: { level: { profile: none, number: 1 } }", "there is no profile none", 4),
    ("cluster: bank", "cluster: bank\nobjectives: { rto: 1h, level: { profile: gb-t-20988, number: 6 } }", "content with 60m", 4),
    ("cluster: bank", "cluster: bank\ncommands: { promote: { run: [pg_ctl] } }", "run by no step", 4),
    ("cluster: bank", "cluster: bank\nx: [", "is not YAML", 0),
  ])
  func aMistakeIsToldWithItsLine(original: String, changed: String, expected: String, line: Int) throws {
    let problems: [SiteProblem] = Self.problems(Self.good.replacing(original, with: changed))
    #expect(problems.contains { (line == 0 || $0.line == line) && $0.reason.contains(expected) }, "\(problems)")
  }

  @Test func stepsThatWaitForEachOtherAreNamed() {
    let text: String =
      Self.good + "\n    dependsOn: [two]\n  - { id: two, title: Two, action: probe.stop, timeout: 1s, dependsOn: [one] }\n"
    #expect(Self.problems(text).contains { $0.reason.contains("these steps wait for each other: one, two") })
  }

  static let varied = """
    id: move
    title: Move
    cluster: bank
    parameters:
      to: { type: center }
      patience: { type: time, default: 30s }
    variants:
      planned: { parameters: { to: local-dr } }
      unplanned: { title: After a loss }
    steps:
      - { id: ask, title: "Ask for ${to}", action: people.confirm, inputs: { question: "to ${to} within ${patience}?" }, timeout: 1s, variants: [planned] }
      - { id: move, title: Move, action: cluster.moveTo, inputs: { center: "${to}" }, timeout: 60s, idempotencyKey: "move-${run}-${step}" }
    """

  @Test func parametersAndVariantsMakeAPlan() throws {
    let site: Site = try Self.site()
    let runbook: Runbook = try RunbookReader.parse(Self.varied, file: "m.yaml", files: .carried([:]), site: site)
    func plan(_ variant: String?, _ values: [String: String] = [:], _ mode: RunPlan.Mode = .live) throws -> RunPlan {
      try RunPlan(runbook, run: "r1", mode: mode, variant: variant, parameters: values, site: site)
    }
    let planned: RunPlan = try plan("planned")
    #expect(planned.steps.map(\.title) == ["Ask for local-dr", "Move"])
    #expect(planned.steps[0].call.inputs["question"] == "to local-dr within 30s?")
    #expect(planned.steps[1].key == "move-r1-move" && planned.steps[1].dependsOn == [0])
    let unplanned: RunPlan = try plan("unplanned", ["to": "remote-dr"])
    #expect(unplanned.steps.map(\.id) == ["move"] && unplanned.steps[0].dependsOn == [])
    #expect(unplanned.hash != planned.hash)
    func refusal(_ variant: String?, _ values: [String: String] = [:], _ mode: RunPlan.Mode = .live) -> String {
      do {
        _ = try plan(variant, values, mode)
        return "accepted"
      } catch { return "\(error)" }
    }
    #expect(refusal(nil).contains("choose one with --variant"))
    #expect(refusal("unplanned").contains("parameter to (center) must be given"))
    #expect(refusal("unplanned", ["to": "moon"]).contains("no center is called moon"))
    #expect(refusal("planned", ["tow": "local-dr"]).contains("no parameter tow"))
    #expect(refusal("planned", [:], .isolated).contains("step move: cluster.moveTo would reach the real federation"))
    // Only a run that is meant changes anything.
    #expect(try plan("planned", [:], .dryRun).steps.allSatisfy { $0.effect == .none })
  }

  @Test func objectsAreNamedAsTheAPINamesThem() throws {
    let deployment: ObjectReference = try ObjectReference.parse("apps/v1/Deployment/shop/web").get()
    #expect(deployment.resource == .deployments && deployment.namespace == "shop" && deployment.name == "web")
    #expect(try ObjectReference.parse("v1/Node/prod-1").get().description == "v1/Node/prod-1")
    let document: JSONPath = try JSONPath("{.spec.ports[0].port}")
    #expect(document.value(in: ["spec": ["ports": [["port": 80]]]]) == 80)
    #expect(try JSONPath(".metadata.annotations['a.b/c']").value(in: ["metadata": ["annotations": ["a.b/c": "x"]]]) == "x")
    for bad in ["", ".a[b]", ".a[", ".items[*]"] { #expect(throws: DrillError.self) { try JSONPath(bad) } }
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
