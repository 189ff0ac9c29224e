import Primitives
import Testing

@testable import KubeModel

@Suite struct ApplyTests {
  static let now = WallTime(secondsSince1970: 1_800_000_000)
  static let definition: ResourceDefinition = .deployments

  static func config(_ spec: String, metadata: String = "") throws -> KubeObject {
    KubeObject(
      try .parse(
        #"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"\#(metadata)},"spec":\#(spec)}"#))
  }

  static let base: String =
    #"{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"nginx:1"}]}}}"#

  static func apply(_ live: KubeObject?, _ config: KubeObject, by manager: String = "kubectl", force: Bool = false) throws -> KubeObject {
    var object: KubeObject = try ServerSideApply.apply(
      live: live, applied: config, manager: manager, force: force, definition: definition, now: now)
    definition.applyDefaults(&object)
    if let live { definition.prepareForUpdate(&object, old: live) } else { definition.prepareForCreate(&object) }
    return object
  }

  static func updated(_ live: KubeObject, by manager: String, subresource: String = "", _ change: (inout KubeObject) -> Void) -> KubeObject
  {
    var object: KubeObject = live
    change(&object)
    ServerSideApply.track(old: live, new: &object, manager: manager, definition: definition, subresource: subresource, now: now)
    return object
  }

  static func fields(_ object: KubeObject, _ manager: String) -> String {
    object.metadata["managedFields"].array.first { $0["manager"].string == manager }?["fieldsV1"].serialized().text ?? "none"
  }

  static func refusal(_ body: () throws -> KubeObject) -> KubeStatus? {
    do {
      _ = try body()
      return nil
    } catch { return error as? KubeStatus }
  }

  @Test func creatingByApplyOwnsWhatIsApplied() throws {
    let object: KubeObject = try Self.apply(nil, Self.config(Self.base, metadata: #","labels":{"app":"web"}"#))
    #expect(
      Self.fields(object, "kubectl")
        == #"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{}}}}}}}"#
    )
    let entry: JSONValue = object.metadata["managedFields"][0]
    #expect(
      entry["operation"] == "Apply" && entry["apiVersion"] == "apps/v1" && entry["fieldsType"] == "FieldsV1"
        && entry["time"] == "2027-01-15T08:00:00Z")
    #expect(object.spec["revisionHistoryLimit"] == 10)
    // The same again changes nothing.
    #expect(try Self.apply(object, Self.config(Self.base, metadata: #","labels":{"app":"web"}"#)) == object)
  }

  @Test func conflictsAreToldInKubernetesWords() throws {
    var live: KubeObject = try Self.config(Self.base)
    Self.definition.applyDefaults(&live)
    ServerSideApply.track(old: nil, new: &live, manager: "kubectl-client-side-apply", definition: Self.definition, now: Self.now)
    let one: KubeStatus? = Self.refusal { try Self.apply(live, Self.config(#"{"replicas":5}"#)) }
    #expect(
      one?.code == 409
        && one?.message == #"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas"#)
    #expect(
      one?.details["causes"][0] == [
        "reason": "FieldManagerConflict", "message": #"conflict with "kubectl-client-side-apply" using apps/v1"#, "field": ".spec.replicas",
      ])
    let two: KubeStatus? = Self.refusal {
      try Self.apply(live, Self.config(#"{"replicas":5,"template":{"spec":{"containers":[{"name":"c","image":"nginx:2"}]}}}"#), by: "other")
    }
    #expect(
      two?.message
        == "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name=\"c\"].image"
    )
    let forced: KubeObject = try Self.apply(live, Self.config(#"{"replicas":5}"#), by: "other", force: true)
    #expect(forced.spec["replicas"] == 5)
    #expect(!Self.fields(forced, "kubectl-client-side-apply").contains("f:replicas"))
    #expect(Self.fields(forced, "other") == #"{"f:spec":{"f:replicas":{}}}"#)
  }

  @Test func equalValuesAreSharedAndGoOnlyWithTheLastOwner() throws {
    var object: KubeObject = try Self.apply(nil, Self.config(Self.base), by: "a")
    object = try Self.apply(object, Self.config(#"{"replicas":3}"#), by: "b")
    #expect(Self.fields(object, "a").contains("f:replicas") && Self.fields(object, "b").contains("f:replicas"))
    // a lets go: b still holds it.
    object = try Self.apply(object, Self.config(Self.base.replacingFirst(#""replicas":3,"#, "")), by: "a")
    #expect(object.spec["replicas"] == 3 && !Self.fields(object, "a").contains("f:replicas"))
    // b lets go as well: the field goes, and the default comes.
    object = try Self.apply(object, Self.config("{}"), by: "b")
    #expect(object.spec["replicas"] == 1)
    #expect(Self.fields(object, "b") == "none" || Self.fields(object, "b") == #"{"f:spec":{}}"#)
  }

  @Test func fieldsNoLongerAppliedGo() throws {
    var object: KubeObject = try Self.apply(nil, Self.config(Self.base, metadata: #","labels":{"a":"1","b":"2"},"annotations":{"x":"y"}"#))
    object = Self.updated(object, by: "controller") { $0["metadata"]["labels"]["c"] = "3" }
    object = try Self.apply(object, Self.config(Self.base, metadata: #","labels":{"a":"1"}"#))
    #expect(object.labels == ["a": "1", "c": "3"] && object.annotations == [:])
    let two: String = Self.base.replacingFirst(
      #"{"name":"c","image":"nginx:1"}"#,
      #"{"name":"c","image":"nginx:1","env":[{"name":"A","value":"1"}],"ports":[{"containerPort":80}]},{"name":"side","image":"x"}"#)
    object = try Self.apply(object, Self.config(two))
    #expect(object.spec["template"]["spec"]["containers"].array.map { $0["name"] } == ["c", "side"])
    #expect(Self.fields(object, "kubectl").contains(#"k:{\"containerPort\":80,\"protocol\":\"TCP\"}"#))
    object = try Self.apply(object, Self.config(Self.base))
    let containers: [JSONValue] = object.spec["template"]["spec"]["containers"].array
    #expect(containers.map { $0["name"] } == ["c"] && containers[0]["env"].array.isEmpty && containers[0]["ports"].array.isEmpty)
  }

  @Test func updatersOwnWhatTheyChange() throws {
    var live: KubeObject = try Self.config(Self.base)
    Self.definition.applyDefaults(&live)
    ServerSideApply.track(old: nil, new: &live, manager: "kubectl-create", definition: Self.definition, now: Self.now)
    #expect(
      Self.fields(live, "kubectl-create").hasPrefix(
        #"{"f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:revisionHistoryLimit":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{},"f:maxUnavailable":{}},"f:type":{}},"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":"#
      ))
    let scaled: KubeObject = Self.updated(live, by: "kubectl", subresource: "scale") { $0["spec"]["replicas"] = 9 }
    #expect(!Self.fields(scaled, "kubectl-create").contains("f:replicas"))
    #expect(
      scaled.metadata["managedFields"].array.contains { $0["subresource"] == "scale" && $0["fieldsV1"] == ["f:spec": ["f:replicas": [:]]] })
    let status: KubeObject = Self.updated(scaled, by: "controller", subresource: "status") { $0["status"] = ["readyReplicas": 1] }
    #expect(Self.fields(status, "controller").contains("f:readyReplicas"))
    let unchanged: KubeObject = Self.updated(status, by: "nobody") { _ in }
    #expect(unchanged == status)
    let removed: KubeObject = Self.updated(status, by: "kubectl-edit") { $0["spec"]["template"]["metadata"] = nil }
    #expect(!Self.fields(removed, "kubectl-create").contains("f:app"))
  }

  @Test func theFirstApplyOnAnUntrackedObject() throws {
    var live: KubeObject = try Self.config(Self.base)
    Self.definition.applyDefaults(&live)
    let same: KubeObject = try Self.apply(live, Self.config(Self.base))
    #expect(Self.fields(same, "before-first-apply").contains("f:replicas"))
    #expect(Self.refusal { try Self.apply(live, Self.config(#"{"replicas":4}"#)) }?.message.contains("before-first-apply") == true)
  }

  @Test func kubectlMayTakeOverWhatItAppliedFromTheClient() throws {
    let applied: String =
      #"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":3}}"#
    var live: KubeObject = try Self.config(Self.base)
    live["metadata"]["annotations"][LastApplied.annotation] = .string(applied)
    Self.definition.applyDefaults(&live)
    ServerSideApply.track(old: nil, new: &live, manager: "kubectl-client-side-apply", definition: Self.definition, now: Self.now)
    let object: KubeObject = try Self.apply(live, Self.config(#"{"replicas":5}"#))
    #expect(object.spec["replicas"] == 5)
    #expect(object.annotations[LastApplied.annotation]?.contains(#""replicas":5"#) == true)
    // Somebody scaled it since: then it is a conflict.
    let scaled: KubeObject = Self.updated(live, by: "hpa") { $0["spec"]["replicas"] = 8 }
    #expect(Self.refusal { try Self.apply(scaled, Self.config(#"{"replicas":5}"#)) }?.message.contains("hpa") == true)
  }

  @Test func setsAndAtomicListsAndOrder() throws {
    var object: KubeObject = try Self.apply(nil, Self.config(Self.base, metadata: #","finalizers":["a/x"]"#), by: "a")
    object = try Self.apply(object, Self.config("{}", metadata: #","finalizers":["b/y"]"#), by: "b")
    #expect(object.finalizers == ["a/x", "b/y"])
    #expect(Self.fields(object, "b") == #"{"f:metadata":{"f:finalizers":{"v:\"b/y\"":{}}},"f:spec":{}}"#)
    object = try Self.apply(object, Self.config("{}"), by: "b")
    #expect(object.finalizers == ["a/x"])

    func names(_ object: KubeObject) -> [String] { object.spec["template"]["spec"]["containers"].array.compactMap { $0["name"].string } }
    func containers(_ names: String...) throws -> KubeObject {
      let list: String = names.map { #"{"name":"\#($0)","image":"i"}"# }.joined(separator: ",")
      return try Self.config(#"{"template":{"spec":{"containers":[\#(list)]}}}"#)
    }
    var ordered: KubeObject = try Self.apply(nil, containers("a", "b", "c"), by: "a")
    ordered = try Self.apply(ordered, containers("n", "c"), by: "b")
    #expect(names(ordered) == ["a", "b", "n", "c"])
    ordered = try Self.apply(ordered, containers("c", "b", "a"), by: "a")
    #expect(names(ordered) == ["c", "b", "a", "n"])
  }

  @Test func bodiesThatCannotBeApplied() throws {
    for (spec, text) in [
      (#"{"template":{"spec":{"containers":[{"name":"a"},{"name":"a"}]}}}"#, #"duplicate entries for key [name="a"]"#),
      (#"{"template":{"spec":{"containers":[{"image":"a"}]}}}"#, "omits a key field"),
      (#"{"foo":1}"#, ".spec.foo: field not declared in schema"),
    ] {
      let refusal: KubeStatus? = Self.refusal { try Self.apply(nil, Self.config(spec)) }
      #expect(refusal?.code == 400 && refusal?.message.contains(text) == true, "\(refusal?.message ?? "")")
    }
    #expect(Self.refusal { try Self.apply(nil, Self.config("{}", metadata: #","managedFields":[{}]"#)) }?.code == 400)
    #expect(Self.refusal { try Self.apply(nil, Self.config("{}"), by: "") }?.code == 400)
    let live: KubeObject = try Self.apply(nil, Self.config(Self.base, metadata: #","resourceVersion":"5""#))
    #expect(Self.refusal { try Self.apply(live, Self.config(Self.base, metadata: #","resourceVersion":"4""#)) }?.code == 409)
  }

  @Test func managedFieldsCanBeClearedAndReplaced() throws {
    let live: KubeObject = try Self.apply(nil, Self.config(Self.base))
    #expect(Self.updated(live, by: "x") { $0["metadata"]["managedFields"] = [[:]] }.metadata["managedFields"].isNull)
    let upgraded: KubeObject = Self.updated(live, by: "kubectl") {
      $0["metadata"]["managedFields"] = [
        ["manager": "m", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": ["f:spec": ["f:replicas": [:]]]]
      ]
    }
    #expect(Self.fields(upgraded, "m") == #"{"f:spec":{"f:replicas":{}}}"# && Self.fields(upgraded, "kubectl") == "none")
    let kept: KubeObject = Self.updated(live, by: "x") { $0["metadata"]["managedFields"] = nil }
    #expect(kept.metadata["managedFields"] == live.metadata["managedFields"])
  }

  @Test func theOldestUpdatersShareAnEntry() throws {
    var object: KubeObject = try Self.apply(nil, Self.config(Self.base))
    for index in 0..<15 { object = Self.updated(object, by: "m\(index)") { $0["metadata"]["labels"]["l\(index)"] = "x" } }
    let managers: [String] = object.metadata["managedFields"].array.compactMap { $0["manager"].string }
    #expect(managers.contains("ancient-changes") && managers.count == 11)
    for index in 0..<15 {
      let owners: Int = object.metadata["managedFields"].array.count { $0["fieldsV1"].serialized().text.contains("\"f:l\(index)\"") }
      #expect(owners == 1)
    }
  }

  /// Whatever is applied by whom, in any order: what a manager applied last is there or was taken by force, and sets decode from their
  /// JSON.
  @Test(arguments: 1...60) func ownershipIsConsistent(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var live: KubeObject = try Self.apply(nil, Self.config(Self.base), by: "base")
    for _ in 0..<12 {
      let manager: String = ["a", "b", "c"].randomElement(using: &random)!
      var labels: [String: String] = [:]
      for key in ["k1", "k2", "k3", "k4"] where Bool.random(using: &random) { labels[key] = String(Int.random(in: 0..<3, using: &random)) }
      var config: KubeObject = try Self.config("{}")
      config["metadata"]["labels"] = JSONValue(labels)
      if Bool.random(using: &random) {
        live = try Self.apply(live, config, by: manager, force: true)
        for (key, value) in labels { #expect(live.labels[key] == value) }
      } else {
        live = Self.updated(live, by: manager + "-update") { object in
          for (key, value) in labels { object["metadata"]["labels"][key] = .string(value) }
        }
      }
      let owners: ManagedFields = try #require(ManagedFields(json: live.metadata["managedFields"]))
      #expect(try #require(ManagedFields(json: owners.json)).json == owners.json)
      let owned: FieldSet = owners.entries.reduce(into: FieldSet()) { $0 = $0.union($1.set) }
      for key in live.labels.keys { #expect(owned.contains([.field("metadata"), .field("labels"), .field(key)]), "\(key) has no owner") }
    }
  }
}

extension String {
  fileprivate func replacingFirst(_ text: String, _ other: String) -> String {
    guard let range: Range<Index> = firstRange(of: text) else { return self }
    return String(self[..<range.lowerBound]) + other + self[range.upperBound...]
  }
}
