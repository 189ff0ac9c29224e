import KubeModel
import Primitives
import Testing

@testable import Kubelet

struct KnownReferences: ReferenceSource {
  var configMaps: [String: KubeObject] = [:]
  var secrets: [String: KubeObject] = [:]
  func configMap(_ namespace: String, _ name: String) async throws -> KubeObject? { configMaps["\(namespace)/\(name)"] }
  func secret(_ namespace: String, _ name: String) async throws -> KubeObject? { secrets["\(namespace)/\(name)"] }
}

@Suite("Environments of containers")
struct EnvironmentTests {
  static let references = KnownReferences(
    configMaps: [
      "shop/settings": KubeObject(["metadata": ["name": "settings", "namespace": "shop"], "data": ["color": "red", "size": "9"]])
    ],
    secrets: ["shop/key": KubeObject(["metadata": ["name": "key", "namespace": "shop"], "data": ["token": "c2VzYW1l", "broken": "%%%"]])])

  static let pod = KubeObject([
    "metadata": [
      "name": "web-1", "namespace": "shop", "uid": "u1", "labels": ["app": "web", "topology.kubernetes.io/zone": "production"],
      "annotations": ["note": "two\nlines"],
    ],
    "spec": ["nodeName": "prod-1"],
  ])

  static func builder(services: [KubeObject] = []) -> EnvironmentBuilder {
    EnvironmentBuilder(
      fields: FieldReference(pod: pod, nodeName: "prod-1", hostAddress: "10.1.0.11", podAddress: "10.244.0.5"),
      resources: ResourceReference(hostMilliCPU: 2_000, hostMemoryBytes: 8 << 30), services: services, references: references)
  }

  private func text(_ container: JSONValue, services: [KubeObject] = []) async throws -> [String] {
    try await Self.builder(services: services).build(container).map { "\($0.name)=\($0.value)" }
  }

  @Test("The pod learns of itself by the downward API, its center by the label that binding copied")
  func fields() async throws {
    func field(_ name: String, _ path: String) -> JSONValue {
      ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(path)]]]
    }
    let container: JSONValue = [
      "env": [
        field("POD", "metadata.name"), field("HOST", "spec.nodeName"), field("IP", "status.podIP"),
        field("CENTER", "metadata.labels['topology.kubernetes.io/zone']"), field("NONE", "metadata.labels['other']"),
        field("HOSTIP", "status.hostIP"), field("LABELS", "metadata.labels"),
      ]
    ]
    #expect(
      try await text(container) == [
        "POD=web-1", "HOST=prod-1", "IP=10.244.0.5", "CENTER=production", "NONE=", "HOSTIP=10.1.0.11",
        "LABELS=app=\"web\"\ntopology.kubernetes.io/zone=\"production\"",
      ])
  }

  @Test("ConfigMaps and Secrets by key and whole; later names win and see earlier ones")
  func references() async throws {
    let container: JSONValue = [
      "envFrom": [["prefix": "S_", "configMapRef": ["name": "settings"]], ["secretRef": ["name": "none", "optional": true]]],
      "env": [
        ["name": "TOKEN", "valueFrom": ["secretKeyRef": ["name": "key", "key": "token"]]],
        ["name": "S_size", "value": "10"],
        ["name": "URL", "value": "$(S_color)/$(TOKEN)/$$(TOKEN)/$(UNKNOWN)/$"],
        ["name": "GONE", "valueFrom": ["configMapKeyRef": ["name": "settings", "key": "none", "optional": true]]],
      ],
    ]
    #expect(
      try await text(container) == ["S_color=red", "S_size=10", "TOKEN=sesame", "URL=red/sesame/$(TOKEN)/$(UNKNOWN)/$"])
  }

  @Test("A reference that leads nowhere is a configuration error that names it")
  func missing() async {
    for source: JSONValue in [
      ["configMapKeyRef": ["name": "none", "key": "x"]], ["configMapKeyRef": ["name": "settings", "key": "none"]],
      ["secretKeyRef": ["name": "key", "key": "broken"]], ["fieldRef": ["fieldPath": "status.phase"]], [:],
    ] {
      await #expect(throws: KubeletError(.badConfiguration, "")) { _ = try await text(["env": [["name": "X", "valueFrom": source]]]) }
    }
  }

  @Test("Resources are divided by their divisor and rounded up; without a limit the host's size stands")
  func resources() async throws {
    let container: JSONValue = [
      "resources": ["limits": ["cpu": "1500m", "memory": "100Mi"], "requests": ["cpu": "250m"]],
      "env": [
        ["name": "CPU", "valueFrom": ["resourceFieldRef": ["resource": "limits.cpu"]]],
        ["name": "MCPU", "valueFrom": ["resourceFieldRef": ["resource": "requests.cpu", "divisor": "1m"]]],
        ["name": "MEM", "valueFrom": ["resourceFieldRef": ["resource": "limits.memory", "divisor": "1Mi"]]],
      ],
    ]
    #expect(try await text(container) == ["CPU=2", "MCPU=250", "MEM=100"])
  }

  @Test("Service variables of the pod's namespace and of default/kubernetes, none of headless ones")
  func services() async throws {
    func service(_ namespace: String, _ name: String, _ address: String, _ ports: JSONValue) -> KubeObject {
      KubeObject([
        "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": ["clusterIP": .string(address), "ports": ports],
      ])
    }
    let all: [KubeObject] = [
      service("shop", "web-front", "10.96.0.7", [["name": "http", "port": 80]]), service("shop", "quiet", "None", [["port": 80]]),
      service("other", "db", "10.96.0.8", [["port": 5432]]),
      service("default", "kubernetes", "10.96.0.1", [["name": "https", "port": 443]]),
    ]
    let lines: [String] = try await text([:], services: all)
    #expect(lines.contains("KUBERNETES_SERVICE_HOST=10.96.0.1"))
    #expect(lines.contains("KUBERNETES_SERVICE_PORT_HTTPS=443"))
    #expect(lines.contains("WEB_FRONT_SERVICE_HOST=10.96.0.7"))
    #expect(lines.contains("WEB_FRONT_PORT_80_TCP=tcp://10.96.0.7:80"))
    #expect(lines.contains("WEB_FRONT_PORT_80_TCP_ADDR=10.96.0.7"))
    #expect(!lines.contains { $0.hasPrefix("DB_") || $0.hasPrefix("QUIET_") })
  }
}
