import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Federation

/// The rules of readiness as a conversation: what is changed in a healthy federation, and what the rules find about a center.
@Suite struct ReadinessTests {
  @Test func rules() throws {
    var facts: ReadinessFacts = Self.healthy
    let differences: [Transcript.Difference] = try Transcript.check(testdata(#filePath, "readiness.txt")) { line in
      let words: [String] = line.split(separator: " ").map(String.init)
      if words[0] == "healthy" {
        facts = Self.healthy
        return ""
      }
      if words[0] == "find" { return Self.find(words, facts) }
      return Self.change(words, &facts)
    }
    for difference in differences { Issue.record("\(difference)") }
  }

  @Test func namesOfRulesAreTheirOwn() {
    #expect(Set(ReadinessRules.all.map(\.name)).count == ReadinessRules.all.count)
    #expect(ReadinessRules.unacceptable.isSubset(of: Set(ReadinessRules.all.map(\.name))))
  }

  private static func find(_ words: [String], _ facts: ReadinessFacts) -> String {
    let isAutomatic: Bool = words.count > 2 && words[2] == "automatic"
    let verb: Verb? = words.count > 2 ? Verb(rawValue: words[2]) : nil
    let found: [Finding] = ReadinessRules.findings(facts, .init(CenterName(words[1]), verb: verb, isAutomatic: isAutomatic))
    if found.isEmpty { return "nothing" }
    return found.map { "\($0.weight.rawValue) \($0.rule) \($0.object): \($0.measured); limit: \($0.limit); cure: \($0.cure)" }
      .joined(separator: "\n")
  }

  /// `KIND NAME FIELD VALUE`; an underscore stands for a space.
  private static func change(_ words: [String], _ facts: inout ReadinessFacts) -> String {
    let (name, value): (String, String) = (words[1], words.count > 3 ? words[3].split(separator: "_").joined(separator: " ") : "")
    func edit(_ list: inout [KubeObject], _ body: (inout KubeObject) -> Void) {
      for index in list.indices where list[index].name == name { body(&list[index]) }
    }
    switch (words[0], words[2]) {
    case ("node", "ready"): edit(&facts.nodes) { $0.json["status"]["conditions"] = [["type": "Ready", "status": .string(value)]] }
    case ("node", "cpu"): edit(&facts.nodes) { $0.json["status"]["allocatable"]["cpu"] = .string(value) }
    case ("node", "kubelet"): edit(&facts.nodes) { $0.json["status"]["nodeInfo"]["kubeletVersion"] = .string(value) }
    case ("node", "label"): edit(&facts.nodes) { $0.json["metadata"]["labels"]["disk"] = .string(value) }
    case ("node", "image"): edit(&facts.nodes) { $0.json["status"]["images"] = [["names": [.string(value)]]] }
    case ("node", "gone"): facts.nodes.removeAll { $0.name == name }
    case ("node", "fenced"):
      edit(&facts.nodes) { $0.json["spec"]["taints"] = [["key": .string(FederationNames.fencedTaint), "value": .string(value)]] }
    case ("pod", "cpu"):
      edit(&facts.pods) { $0.json["spec"]["containers"] = [["image": "web:1", "resources": ["requests": ["cpu": .string(value)]]]] }
    case ("pod", "tier"): edit(&facts.pods) { $0.json["metadata"]["annotations"] = [WorkloadTier.annotation: .string(value)] }
    case ("center", "paused"): edit(&facts.centers) { $0.json["spec"]["paused"] = true }
    case ("gate", "closed"):
      facts.gates.append(
        KubeObject([
          "metadata": ["name": .string(name)],
          "spec": ["cluster": "bank", "closed": true, "verbs": [.string(value)], "reason": "quarter end", "changedBy": "mei"],
        ]))
    case ("drill", "age"): facts.drills = [drill(days: Int64(value) ?? 0)]
    case ("drill", "none"): facts.drills = []
    case ("host", "dns"): vantage(name, &facts) { $0["dns"] = ["answered": false, "detail": .string(value)] }
    case ("host", "certificate"):
      let end = WallTime(secondsSince1970: facts.now.secondsSince1970 + (Int64(value) ?? 0) * 86_400)
      vantage(name, &facts) { $0["certificates"] = [["name": "kubelet", "notAfter": .string(end.rfc3339)]] }
    case ("host", "unheard"):
      for index in facts.vantages.indices where facts.vantages[index].object.name == name {
        facts.vantages[index].heardAgo = .seconds(Int64(value) ?? 0)
      }
    case ("member", _):
      for index in facts.vantages.indices {
        var members: [JSONValue] = facts.vantages[index].object.spec["store"]["members"].array
        for place in members.indices where members[place]["name"].string == name { members[place][words[2]] = .int(Int64(value) ?? 0) }
        facts.vantages[index].object.json["spec"]["store"]["members"] = .array(members)
      }
    case ("store", "untold"): for index in facts.vantages.indices { facts.vantages[index].object.json["spec"]["store"] = .null }
    default: return "unknown change"
    }
    return ""
  }

  private static func vantage(_ name: String, _ facts: inout ReadinessFacts, _ body: (inout JSONValue) -> Void) {
    for index in facts.vantages.indices where facts.vantages[index].object.name == name { body(&facts.vantages[index].object.json["spec"]) }
  }

  private static func drill(days: Int64) -> KubeObject {
    KubeObject([
      "metadata": ["name": "production-loss-1"],
      "status": ["verdict": "passed", "finishedAt": .string(WallTime(secondsSince1970: 1_000_000_000 - days * 86_400).rfc3339Micro)],
    ])
  }

  private static let hosts: [(name: String, center: CenterName)] = [
    ("p1", "production"), ("p2", "production"), ("l1", "local-dr"), ("l2", "local-dr"), ("r1", "remote-dr"),
  ]

  private static var healthy: ReadinessFacts {
    var byCenter: [CenterName: [HostName]] = [:]
    for host in hosts { byCenter[host.center, default: []].append(HostName(host.name)) }
    var facts = ReadinessFacts(
      cluster: "bank", order: ["production", "local-dr", "remote-dr"], hosts: byCenter, active: "production",
      now: WallTime(secondsSince1970: 1_000_000_000))
    facts.nodes = hosts.map { host in
      KubeObject([
        "kind": "Node", "metadata": ["name": .string(host.name), "labels": [FederationNames.centerLabel: .string(host.center.value)]],
        "status": [
          "conditions": [["type": "Ready", "status": "True"]], "allocatable": ["cpu": "4", "memory": "8Gi", "pods": "110"],
          "nodeInfo": [
            "kubeletVersion": "v1.36.0", "containerRuntimeVersion": "containerd://1.6.20", "osImage": "Debian", "architecture": "amd64",
          ],
          "images": [["names": ["docker.io/library/web:1"]]],
        ],
      ])
    }
    facts.pods = ["a", "b"].map { name in
      KubeObject([
        "metadata": ["name": .string(name), "namespace": "shop"],
        "spec": ["nodeName": "p1", "containers": [["image": "web:1", "resources": ["requests": ["cpu": "1", "memory": "1Gi"]]]]],
        "status": ["phase": "Running"],
      ])
    }
    facts.centers = facts.order.map { KubeObject(["metadata": ["name": .string($0.value)], "spec": [:]]) }
    facts.drills = [drill(days: 3)]
    let members: [JSONValue] = hosts.map {
      [
        "name": .string($0.name), "center": .string($0.center.value), "voter": true, "lagEntries": 0, "lagMilliseconds": 0,
        "silentMilliseconds": 50,
      ]
    }
    facts.vantages = hosts.map { host in
      HeardVantage(
        KubeObject([
          "metadata": ["name": .string(host.name)],
          "spec": [
            "cluster": "bank", "kind": "host", "center": .string(host.center.value), "intervalMilliseconds": 10_000,
            "dns": ["answered": true, "detail": "known"], "store": ["role": "follower", "members": .array(members)],
          ],
        ]), heardAgo: .seconds(2))
    }
    return facts
  }
}
