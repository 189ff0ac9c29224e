import Testing

@testable import KubeModel

@Suite struct PatchTests {
  /// The cases of RFC 7386, appendix A, for documents that are objects.
  @Test(arguments: [
    (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
    (#"{"a":"b"}"#, #"{"a":null}"#, "{}"),
    (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#), (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
    (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#), (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
    (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
  ])
  func mergePatch(object: String, patch: String, expected: String) throws {
    #expect(try Patches.merge(.parse(patch), to: .parse(object)) == .parse(expected))
  }

  /// The examples of RFC 6902, appendix A, and the edges around them.
  @Test(arguments: [
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"baz":"qux","foo":"bar"}"#),
    (#"{"foo":["bar","baz"]}"#, #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, #"{"foo":["bar","qux","baz"]}"#),
    (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":"bar"}"#),
    (#"{"foo":["bar","qux","baz"]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":["bar","baz"]}"#),
    (#"{"baz":"qux","foo":"bar"}"#, #"[{"op":"replace","path":"/baz","value":"boo"}]"#, #"{"baz":"boo","foo":"bar"}"#),
    (
      #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#, #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
      #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
    ),
    (
      #"{"foo":["all","grass","cows","eat"]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
      #"{"foo":["all","cows","eat","grass"]}"#
    ),
    (
      #"{"baz":"qux","foo":["a",2,"c"]}"#, #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
      #"{"baz":"qux","foo":["a",2,"c"]}"#
    ),
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#, #"{"foo":"bar","child":{"grandchild":{}}}"#),
    (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]"#, #"{"~1":10}"#),
    (#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, #"{"foo":["bar",["abc"]]}"#),
    (#"{"a":1}"#, #"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":1,"b":1}"#),
    (#"{"a":1}"#, #"[{"op":"add","path":"","value":{"b":2}}]"#, #"{"b":2}"#),
    (#"{"a":1}"#, #"[{"op":"add","path":"/a","value":null}]"#, #"{"a":null}"#),
    (
      #"{"l":[{"a":1}]}"#, #"[{"op":"replace","path":"/l/0/a","value":2},{"op":"add","path":"/l/0/b","value":3}]"#,
      #"{"l":[{"a":2,"b":3}]}"#
    ),
  ])
  func jsonPatch(object: String, patch: String, expected: String) throws {
    #expect(try Patches.json(.parse(patch), to: .parse(object)) == .parse(expected))
  }

  @Test(arguments: [
    #"{"op":"add"}"#, #"[{"op":"add","path":"/a"}]"#, #"[{"op":"remove","path":"/x"}]"#, #"[{"op":"replace","path":"/x","value":1}]"#,
    #"[{"op":"add","path":"/x/y","value":1}]"#, #"[{"op":"add","path":"/l/9","value":1}]"#, #"[{"op":"add","path":"/l/01","value":1}]"#,
    #"[{"op":"frob","path":"/a","value":1}]"#, #"[{"op":"add","path":"a","value":1}]"#, #"[{"op":"move","from":"/o","path":"/o/p"}]"#,
    #"[{"op":"copy","from":"/x","path":"/y"}]"#, #"[{"op":"remove","path":"/l/-"}]"#,
  ])
  func malformedJSONPatches(patch: String) {
    #expect(throws: KubeModelError(.badPatch, "")) { try Patches.json(.parse(patch), to: ["a": 1, "l": [1], "o": [:]]) }
  }

  @Test func aFailedTestHasItsOwnCode() {
    #expect(throws: KubeModelError(.patchTestFailed, "")) { try Patches.json([["op": "test", "path": "/a", "value": 2]], to: ["a": 1]) }
  }

  static let deployment: String =
    #"{"spec":{"replicas":2,"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"30%"}},"template":{"metadata":{"finalizers":["a","b"]},"spec":{"containers":[{"name":"c1","image":"nginx","env":[{"name":"A","value":"1"}],"args":["x"]}],"tolerations":[{"key":"d","effect":"NoSchedule"}]}}}}"#

  /// The examples of the documentation of strategic merge patch, on a Deployment.
  @Test(arguments: [
    // A container is added: it comes first, as on real clusters.
    (
      #"{"spec":{"template":{"spec":{"containers":[{"name":"c2","image":"redis"}]}}}}"#,
      #"{"op":"containers","is":[{"name":"c2","image":"redis"},{"name":"c1","image":"nginx","env":[{"name":"A","value":"1"}],"args":["x"]}]}"#
    ),
    (
      #"{"spec":{"template":{"spec":{"containers":[{"name":"c1","image":"nginx:2","env":[{"name":"B","value":"2"}],"args":["y"]}]}}}}"#,
      #"{"op":"containers","is":[{"name":"c1","image":"nginx:2","env":[{"name":"B","value":"2"},{"name":"A","value":"1"}],"args":["y"]}]}"#
    ),
    (
      #"{"spec":{"template":{"spec":{"containers":[{"name":"c1","$patch":"delete"},{"name":"n"}]}}}}"#,
      #"{"op":"containers","is":[{"name":"n"}]}"#
    ),
    (#"{"spec":{"template":{"spec":{"containers":[{"$patch":"replace"},{"name":"n"}]}}}}"#, #"{"op":"containers","is":[{"name":"n"}]}"#),
    (
      #"{"spec":{"template":{"spec":{"containers":[{"name":"c1","env":null,"args":null}]}}}}"#,
      #"{"op":"containers","is":[{"name":"c1","image":"nginx"}]}"#
    ),
    // An atomic list is replaced.
    (#"{"spec":{"template":{"spec":{"tolerations":[{"key":"e"}]}}}}"#, #"{"op":"tolerations","is":[{"key":"e"}]}"#),
    (
      #"{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"c1"},{"name":"c3"}],"containers":[{"name":"c3","image":"i"}]}}}}"#,
      #"{"op":"containers","is":[{"name":"c1","image":"nginx","env":[{"name":"A","value":"1"}],"args":["x"]},{"name":"c3","image":"i"}]}"#
    ),
  ])
  func strategicPatchOfPodSpecs(patch: String, expected: String) throws {
    let id: TypeID = try #require(SchemaTable.shared.id("apps.v1.Deployment"))
    let result: JSONValue = try Patches.strategic(.parse(patch), to: .parse(Self.deployment), type: .object(id))
    let wanted: JSONValue = try .parse(expected)
    #expect(result["spec"]["template"]["spec"][wanted["op"].string ?? ""] == wanted["is"])
    #expect(result["spec"]["replicas"] == 2)
  }

  @Test func strategicDirectives() throws {
    let type: ValueType = .object(try #require(SchemaTable.shared.id("apps.v1.Deployment")))
    func apply(_ patch: String) throws -> JSONValue { try Patches.strategic(.parse(patch), to: .parse(Self.deployment), type: type) }
    #expect(
      try apply(#"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#)["spec"]["strategy"] == ["type": "Recreate"])
    #expect(try apply(#"{"spec":{"strategy":{"$patch":"replace","type":"Recreate"}}}"#)["spec"]["strategy"] == ["type": "Recreate"])
    #expect(try apply(#"{"spec":{"strategy":{"$patch":"delete"}}}"#)["spec"]["strategy"] == [:])
    #expect(
      try apply(#"{"spec":{"template":{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}}}"#)["spec"]["template"]["metadata"][
        "finalizers"] == ["b"])
    #expect(
      try apply(#"{"spec":{"template":{"metadata":{"$setElementOrder/finalizers":["c","a"],"finalizers":["c"]}}}}"#)["spec"]["template"][
        "metadata"]["finalizers"]
        == ["c", "a", "b"])
    #expect(try apply(#"{"metadata":{"labels":{"a":"b","c":null}}}"#)["metadata"] == ["labels": ["a": "b"]])
    for bad in [
      #"{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}"#, #"{"spec":{"$patch":"frob"}}"#,
      #"{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":{}}}}"#, #"{"spec":{"template":{"spec":{"containers":["x"]}}}}"#, "[]",
    ] {
      #expect(throws: KubeModelError(.badPatch, "")) { try apply(bad) }
    }
  }

  @Test func theTablesRead() throws {
    let pod: SchemaType = try #require(SchemaTable.shared["core.v1.Pod"])
    #expect(pod.kinds == [GroupVersionKind(group: "", version: "v1", kind: "Pod")])
    #expect(pod.openAPIName == "io.k8s.api.core.v1.Pod")
    let containers: SchemaField = try #require(SchemaTable.shared["core.v1.PodSpec"]?.field("containers"))
    #expect(containers.isRequired && containers.patch?.mergeKey == "name" && containers.list == .map(keys: ["name"]))
    #expect(containers.description.hasPrefix("List of containers belonging to the pod."))
    #expect(SchemaTable.shared["core.v1.ContainerPort"]?.field("protocol")?.defaultValue == "TCP")
    #expect(SchemaTable.shared["federation.v1.Cluster"] != nil)
  }
}
