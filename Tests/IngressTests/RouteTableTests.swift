import KubeModel
import Testing

@testable import Ingress

@Suite struct RouteTableTests {
  @Test func readyEndpointsOfTheWantedPort() {
    let table = RouteTable(
      services: [service("web", host: "Shop.example, *.shop.example", port: "http")],
      slices: [
        slice("web", "a", [("10.171.1.3", true), ("10.171.1.2", nil), ("10.172.1.9", false)]), slice("web", "b", [("fd00::7", true)]),
        slice("other", "c", [("10.171.1.99", true)]),
      ])
    #expect(table.refusals.isEmpty)
    #expect(table.routes.map(\.host) == ["*.shop.example", "shop.example"])
    #expect(table.routes[0].upstreams.map(\.text) == ["10.171.1.2:8080", "10.171.1.3:8080", "[fd00::7]:8080"])
  }

  @Test func theOlderServiceKeepsTheHostName() {
    let table = RouteTable(
      services: [
        service("late", host: "shop.example", created: "2026-11-22T10:00:01Z"),
        service("early", host: "shop.example", created: "2026-11-22T10:00:00Z"),
      ], slices: [])
    #expect(table.routes.map(\.service) == ["early"])
    #expect(table.refusals == [.init(service: "shop/late", reason: "shop.example belongs to Service shop/early, which is older")])
  }

  @Test func whatIsNoNameGetsNoRoute() {
    for host in ["shop.example; return 200", "a\nb", "${host}", "", " , ", "*.", "-x.example", "x..y", "a{b", "\u{202e}evil"] {
      let table = RouteTable(services: [service("web", host: host)], slices: [])
      #expect(table.routes.isEmpty, "\(host)")
      #expect(!table.refusals.isEmpty, "\(host)")
    }
  }

  @Test func aPortThatIsNotThereIsToldByName() {
    let table = RouteTable(services: [service("web", host: "shop.example", port: "grpc")], slices: [])
    #expect(table.refusals.map(\.reason) == ["ingress.tricenter.io/port says grpc, and the Service has no such TCP port"])
  }

  @Test func addressesThatAreNoneAreLeftOut() {
    let table = RouteTable(
      services: [service("web", host: "shop.example")], slices: [slice("web", "a", [("10.0.0.1;", true), ("unix:/x", true)])])
    #expect(table.routes.map(\.upstreams) == [[]])
  }

  @Test func limitsHold() {
    let many: [KubeObject] = (0..<(IngressLimits.routes + 5)).map { service("s\($0)", host: "h\($0).example") }
    let table = RouteTable(services: many, slices: [])
    #expect(table.routes.count == IngressLimits.routes)
    #expect(table.refusals.count == 5)
    let hosts: String = (0..<20).map { "h\($0).example" }.joined(separator: ",")
    #expect(RouteTable(services: [service("web", host: hosts)], slices: []).routes.count == IngressLimits.hostsPerService)
  }
}

func service(_ name: String, host: String, port: String? = nil, created: String = "2026-11-22T10:00:00Z") -> KubeObject {
  var annotations: [String: String] = [RouteTable.hostAnnotation: host]
  annotations[RouteTable.portAnnotation] = port
  return KubeObject([
    "apiVersion": "v1", "kind": "Service",
    "metadata": [
      "name": .string(name), "namespace": "shop", "creationTimestamp": .string(created), "annotations": JSONValue(annotations),
    ],
    "spec": [
      "ports": [["name": "dns", "port": 53, "protocol": "UDP"], ["name": "http", "port": 80], ["name": "admin", "port": 9090]]
    ],
  ])
}

func slice(_ service: String, _ name: String, _ endpoints: [(String, Bool?)]) -> KubeObject {
  KubeObject([
    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
    "metadata": [
      "name": .string("\(service)-\(name)"), "namespace": "shop", "labels": ["kubernetes.io/service-name": .string(service)],
    ],
    "endpoints": .array(
      endpoints.map { address, ready in
        ["addresses": [.string(address)], "conditions": ready.map { ["ready": .bool($0)] } ?? [:]]
      }),
    "ports": [["name": "http", "port": 8080, "protocol": "TCP"]],
  ])
}
