import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Drills

@Suite struct BackedUpTests {
  private func object(_ change: (inout JSONValue) -> Void = { _ in }) -> KubeObject {
    var json: JSONValue = [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": "rates", "namespace": "ledger", "uid": "1", "resourceVersion": "7", "labels": ["app": "ledger"],
        "annotations": ["deployment.kubernetes.io/revision": "3", "owner": "treasury"],
      ],
      "data": ["base": "2.35", "overnight": "1.80"],
    ]
    change(&json)
    return KubeObject(json)
  }

  @Test func `who wrote it when makes no difference, nor the order of members, nor its status`() {
    let same: KubeObject = object { json in
      json["metadata"]["uid"] = "2"
      json["metadata"]["resourceVersion"] = "1000000009"
      json["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
      json["metadata"]["managedFields"] = [["manager": "tricenter-drill"]]
      json["data"] = ["overnight": "1.80", "base": "2.35"]
      json["status"] = ["replicas": 3]
    }
    #expect(BackedUp.digest(object()) == BackedUp.digest(same))
  }

  @Test func `what people wrote does`() {
    for (path, value) in [("base", JSONValue.string("2.36")), ("more", "1")] {
      #expect(BackedUp.digest(object()) != BackedUp.digest(object { $0["data"][path] = value }))
    }
    #expect(BackedUp.digest(object()) != BackedUp.digest(object { $0["metadata"]["labels"]["app"] = "other" }))
    #expect(BackedUp.digest(object()) != BackedUp.digest(object { $0["metadata"]["annotations"]["owner"] = "risk" }))
  }

  @Test func `the damaged workload damages what the drill has saved`() throws {
    func read(_ path: String) throws -> [String: String] {
      let objects: [KubeObject] = try Manifest.objects(Transcript.readText("\(RunbookTests.root)/\(path)"))
      #expect(objects.allSatisfy { Manifest.resource(of: $0) != nil })
      return Dictionary(uniqueKeysWithValues: objects.map { ("\($0.kind)/\($0.name)", BackedUp.digest($0)) })
    }
    let saved: [String: String] = try read("runbooks/workloads/ledger.yaml")
    let damaged: [String: String] = try read("runbooks/workloads/ledger-damaged.yaml")
    #expect(saved.count == 6 && damaged.count == 3)
    for (name, digest) in damaged { #expect(saved[name] != nil && saved[name] != digest, "\(name)") }
  }

  @Test func `what is applied has no trace of the object before`() {
    let content: JSONValue = BackedUp.content(object())
    #expect(content["metadata"]["uid"].isNull && content["metadata"]["resourceVersion"].isNull && content["status"].isNull)
    #expect(content["metadata"]["annotations"].stringMap == ["owner": "treasury"])
  }
}
