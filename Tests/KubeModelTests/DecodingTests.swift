import Primitives
import Testing

@testable import KubeModel

@Suite struct DecodingTests {
  @Test func unknownFieldsAreNamedAndDropped() throws {
    let json: JSONValue = try .parse(
      #"{"spec":{"foo":1,"replicas":2,"template":{"spec":{"containers":[{"name":"a","x":{}},{"name":"b","ports":[{"y":1}]}]}}},"bar":null}"#
    )
    let decoded: DecodedObject = ResourceDefinition.deployments.decode(json)
    #expect(
      decoded.unknownFields == ["spec.foo", "spec.template.spec.containers[0].x", "spec.template.spec.containers[1].ports[0].y", "bar"])
    #expect(
      decoded.object.json.serialized().text
        == #"{"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"a"},{"name":"b","ports":[{}]}]}}}}"#)
    let refusal: KubeStatus? = ResourceDefinition.deployments.refusal(of: decoded, duplicates: ["spec.replicas"], strict: true)
    #expect(
      refusal?.message
        == #"Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo", unknown field "spec.template.spec.containers[0].x", unknown field "spec.template.spec.containers[1].ports[0].y", unknown field "bar", duplicate field "spec.replicas""#
    )
    #expect(ResourceDefinition.deployments.refusal(of: decoded, strict: false) == nil)
  }

  @Test(arguments: [
    (#"{"spec":{"replicas":"3"}}"#, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),
    (#"{"spec":{"replicas":1.5}}"#, "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
    (
      #"{"spec":{"replicas":3000000000}}"#,
      "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32"
    ),
    (#"{"metadata":{"labels":{"a":1}}}"#, "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels.a of type string"),
    (#"{"spec":[]}"#, "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"),
    (
      #"{"spec":{"template":{"spec":{"containers":{}}}}}"#,
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
    ),
    (#"{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1x"}}}]}}}}"#, Quantity.formatMessage),
    (#"{"spec":{"paused":"yes"}}"#, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"),
  ])
  func wrongTypesAreToldAsGoTellsThem(text: String, message: String) throws {
    let decoded: DecodedObject = ResourceDefinition.deployments.decode(try .parse(text))
    #expect(decoded.typeError == message)
    #expect(ResourceDefinition.deployments.refusal(of: decoded, strict: false)?.code == 400)
  }

  @Test func quantitiesAndTimesBecomeCanonical() throws {
    let pod: JSONValue = try .parse(
      #"{"metadata":{"creationTimestamp":null,"deletionTimestamp":"2026-11-22T10:00:00+01:00"},"spec":{"containers":[{"resources":{"limits":{"cpu":"1000m","memory":1048576}}}]}}"#
    )
    let decoded: KubeObject = ResourceDefinition.pods.decode(pod).object
    #expect(decoded.json["metadata"].object?.keys == ["deletionTimestamp"])
    #expect(decoded.deletionTimestamp == "2026-11-22T09:00:00Z")
    #expect(decoded.spec["containers"][0]["resources"]["limits"] == ["cpu": "1", "memory": "1048576"])
    let lease: JSONValue = ["spec": ["renewTime": "2026-11-22T10:00:00.1Z"]]
    #expect(ResourceDefinition.leases.decode(lease).object.spec["renewTime"] == "2026-11-22T10:00:00.100000Z")
  }

  @Test func secretsAreBase64() {
    #expect(ResourceDefinition.secrets.decode(["data": ["a": "!"]]).typeError == "illegal base64 data at input byte 0")
    var secret = KubeObject(["data": ["a": "YQ=="], "stringData": ["b": "hello", "a": "x"]])
    ResourceDefinition.secrets.applyDefaults(&secret)
    #expect(secret["data"] == ["a": "eA==", "b": "aGVsbG8="])
    #expect(secret["type"] == "Opaque" && secret["stringData"].isNull)
    for length in 0...9 {
      let bytes: Bytes = (0..<length).map { UInt8($0 * 29) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
    #expect(Base64.decode("YQ") == nil && Base64.decode("YQ=a") == nil && Base64.decode("====") == nil)
  }

  @Test func bodiesOfOtherKindsAreRefused() {
    #expect(ResourceDefinition.pods.kindRefusal(KubeObject(["apiVersion": "apps/v1", "kind": "Pod"]))?.code == 400)
    #expect(ResourceDefinition.pods.kindRefusal(KubeObject(["apiVersion": "v1", "kind": "Node"]))?.code == 400)
    #expect(ResourceDefinition.pods.kindRefusal(KubeObject([:])) == nil)
  }

  @Test func everyDefinitionIsServedOnce() throws {
    for definition in Registry.shared.definitions {
      let found: ResourceDefinition = try #require(
        Registry.shared.definition(group: definition.name.group, version: "v1", resource: definition.name.resource))
      #expect(found.kind == definition.kind)
      #expect(SchemaTable.shared[definition.type].kinds.contains(definition.kind), "\(definition.name)")
    }
    #expect(Registry.shared.definition(of: KubeObject(["apiVersion": "apps/v1", "kind": "Deployment"]))?.name == .deployments)
    #expect(Registry.shared.groupVersions.first?.group == "")
  }

  @Test func fieldSelectorsReadObjectsAndBytes() throws {
    let pod = KubeObject(try .parse(#"{"metadata":{"name":"a","namespace":"n","labels":{"x":"y"}},"spec":{"nodeName":"prod-1"}}"#))
    let definition: ResourceDefinition = .pods
    for (text, expected) in [
      ("metadata.name=a", true), ("spec.nodeName=prod-1,metadata.namespace=n", true), ("status.phase=", true),
      ("spec.hostNetwork=false", true),
      ("spec.nodeName!=prod-1", false),
    ] {
      let selector: FieldSelector = try .parse(text)
      try definition.check(selector)
      #expect(definition.matches(pod, labels: .everything, fields: selector) == expected)
      #expect(definition.matches(pod.json.serialized(), labels: try .parse("x=y"), fields: selector) == expected)
    }
    #expect(!definition.matches(pod.json.serialized(), labels: try .parse("x=z"), fields: .everything))
    #expect(throws: KubeModelError(.badSelector, "")) { try definition.check(.parse("spec.foo=1")) }
    #expect(throws: KubeModelError(.badSelector, "")) { try ResourceDefinition.nodes.check(.parse("metadata.namespace=a")) }
  }
}
