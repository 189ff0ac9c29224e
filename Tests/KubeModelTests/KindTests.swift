import Primitives
import TestSupport
import Testing

@testable import KubeModel

@Suite struct KindTests {
  private static func definition(_ resource: String) throws -> ResourceDefinition {
    try #require(Registry.shared.definitions.first { $0.name.resource == resource })
  }

  @Test func defaults() throws {
    try checkTranscript(testdata(#filePath, "defaults.txt")) { name, json in
      let definition: ResourceDefinition = try Self.definition(name)
      let decoded: DecodedObject = definition.decode(json)
      #expect(decoded.unknownFields == [] && decoded.typeError == nil)
      var object: KubeObject = decoded.object
      definition.applyDefaults(&object)
      let once: KubeObject = object
      definition.applyDefaults(&object)
      #expect(object == once, "defaults repeat")
      #expect(definition.decode(object.json).unknownFields == [])
      return object.json.serialized().text
    }
  }

  @Test func validation() throws {
    try checkTranscript(testdata(#filePath, "validation.txt")) { name, json in
      let definition: ResourceDefinition = try Self.definition(name)
      let decoded: DecodedObject = definition.decode(json)
      #expect(decoded.unknownFields == [] && decoded.typeError == nil, "\(decoded)")
      var object: KubeObject = decoded.object
      definition.applyDefaults(&object)
      definition.prepareForCreate(&object)
      let errors: [FieldError] = definition.validateCreate(object)
      return errors.isEmpty ? "valid" : errors.map(\.description).joined(separator: "\n")
    }
  }

  @Test func whatTheSiteFileDecidesIsNotChangedInTheCluster() throws {
    var old: KubeObject = KubeObject([
      "metadata": ["name": "bank", "resourceVersion": "1"], "spec": ["centers": ["a", "b"], "policy": ["automatic": ["b"]]],
    ])
    let definition: ResourceDefinition = .clusters
    definition.applyDefaults(&old)
    definition.prepareForCreate(&old)
    var paused: KubeObject = old
    paused["spec"]["paused"] = true
    paused["spec"]["policy"]["automatic"] = ["a"]
    paused["spec"]["policy"]["silenceMilliseconds"] = 5_000
    #expect(definition.validateUpdate(paused, old: old) == [])
    var changed: KubeObject = old
    changed["spec"]["policy"]["leaseMilliseconds"] = 9_000
    #expect(
      definition.validateUpdate(changed, old: old).map(\.description) == [
        "spec.policy.leaseMilliseconds: Forbidden: the site file decides it: change it there and restart the centers' daemons"
      ])
  }

  @Test func aWholeDeploymentIsValidAndItsStatusText() throws {
    var web: KubeObject = KubeObject(
      try .parse(
        #"{"metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}},"status":{"replicas":3}}"#
      ))
    let definition: ResourceDefinition = .deployments
    definition.applyDefaults(&web)
    definition.prepareForCreate(&web)
    #expect(definition.validateCreate(web) == [])
    #expect(web.generation == 1 && web.status.isNull)

    var scaled: KubeObject = web
    scaled["spec"]["replicas"] = 5
    scaled["status"] = ["replicas": 9]
    definition.prepareForUpdate(&scaled, old: web)
    #expect(scaled.generation == 2 && scaled.status.isNull)
    #expect(definition.validateUpdate(scaled, old: web) == [])

    var reselected: KubeObject = web
    reselected["spec"]["selector"]["matchLabels"]["x"] = "y"
    reselected["spec"]["template"]["metadata"]["labels"]["x"] = "y"
    reselected["metadata"]["labels"] = ["a": "b"]
    definition.prepareForUpdate(&reselected, old: web)
    #expect(
      definition.validateUpdate(reselected, old: web).map(\.description) == [
        #"spec.selector: Invalid value: {"matchLabels":{"app":"web","x":"y"}}: field is immutable"#
      ])

    var status: KubeObject = web
    status["status"] = ["readyReplicas": 1]
    status["spec"]["replicas"] = 7
    status["metadata"]["labels"] = ["a": "b"]
    status["metadata"]["annotations"] = ["deployment.kubernetes.io/revision": "1"]
    definition.prepareForStatusUpdate(&status, old: web)
    #expect(status.spec == web.spec && status.labels.isEmpty && status.annotations.count == 1 && status.generation == 1)
    #expect(definition.validateStatusUpdate(status, old: web) == [])

    let invalid = KubeStatus.invalid(
      definition, name: "web", [.invalid(FieldPath("spec.replicas"), -1, "must be greater than or equal to 0")])
    #expect(invalid.message == #"Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#)
    #expect(
      invalid.json.serialized().text
        == #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0","reason":"Invalid","details":{"name":"web","group":"apps","kind":"Deployment","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: -1: must be greater than or equal to 0","field":"spec.replicas"}]},"code":422}"#
    )
    #expect(KubeStatus(json: invalid.json) == invalid)
    #expect(KubeStatus.notFound(.deployments, name: "web").message == #"deployments.apps "web" not found"#)
  }

  @Test func podsAndServicesKeepWhatTheyMustKeep() throws {
    var pod = KubeObject(
      try .parse(
        #"{"metadata":{"name":"a","namespace":"shop"},"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1","memory":"1Gi"}}}]}}"#
      ))
    ResourceDefinition.pods.applyDefaults(&pod)
    ResourceDefinition.pods.prepareForCreate(&pod)
    #expect(pod.status == ["phase": "Pending", "qosClass": "Guaranteed"])
    var changed: KubeObject = pod
    changed["spec"]["containers"] = [["name": "c", "image": "j", "resources": pod.spec["containers"][0]["resources"]]]
    ResourceDefinition.pods.applyDefaults(&changed)
    ResourceDefinition.pods.prepareForUpdate(&changed, old: pod)
    #expect(changed.generation == 2 && ResourceDefinition.pods.validateUpdate(changed, old: pod) == [])
    changed["spec"]["restartPolicy"] = "Never"
    #expect(ResourceDefinition.pods.validateUpdate(changed, old: pod).map(\.reason) == [.forbidden])

    var service = KubeObject(
      ["metadata": ["name": "web", "namespace": "shop"], "spec": ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]])
    ResourceDefinition.services.applyDefaults(&service)
    service["spec"]["clusterIP"] = "10.96.0.9"
    service["spec"]["clusterIPs"] = ["10.96.0.9"]
    var update = KubeObject(["metadata": ["name": "web", "namespace": "shop"], "spec": ["type": "NodePort", "ports": [["port": 80]]]])
    ResourceDefinition.services.applyDefaults(&update)
    ResourceDefinition.services.prepareForUpdate(&update, old: service)
    #expect(update.spec["clusterIP"] == "10.96.0.9" && update.spec["ports"][0]["nodePort"] == 30080)
    update["spec"]["clusterIP"] = "10.96.0.10"
    #expect(
      ResourceDefinition.services.validateUpdate(update, old: service).map(\.description) == [
        #"spec.clusterIPs[0]: Invalid value: "10.96.0.10": may not change once set"#
      ])
  }

  @Test func scaleIsAView() throws {
    var web = KubeObject(
      [
        "metadata": ["name": "web", "namespace": "shop", "uid": "u"], "spec": ["replicas": 3, "selector": ["matchLabels": ["app": "web"]]],
        "status": ["replicas": 2],
      ])
    var scale: KubeObject = ResourceDefinition.deployments.scale(of: web)
    #expect(scale.status == ["replicas": 2, "selector": "app=web"])
    scale["spec"]["replicas"] = 5
    #expect(ResourceDefinition.deployments.apply(scale: scale, to: &web) == [])
    #expect(web.spec["replicas"] == 5)
    scale["spec"]["replicas"] = -5
    #expect(ResourceDefinition.deployments.apply(scale: scale, to: &web).count == 1)
  }
}
