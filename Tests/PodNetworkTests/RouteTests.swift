import KubeModel
import Primitives
import Testing

@testable import PodNetwork

@Suite("Routes to other hosts' pods")
struct RouteTests {
  private func host(_ name: String, _ address: String, _ range: String) -> HostPods {
    HostPods(host: HostName(name), address: IPv4Address(address)!, podRange: IPv4Network(range)!)
  }
  /// A host in a center whose other host is a neighbour and whose router leads to the other centers.
  private let table = """
    default via 10.1.0.1 dev eth0 
    10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.11 
    10.244.0.0/24 dev tricenter0 proto kernel scope link src 10.244.0.1 linkdown 
    10.244.9.0/24 via 10.1.0.12 dev eth0 proto 99 
    172.16.0.0/12 via 10.1.0.99 dev eth0 proto static metric 100 
    unreachable 192.0.2.0/24 proto static 
    7 198.51.100.0/24 proto 4 

    """

  @Test("A neighbour is its own next hop, everybody else is reached by the router, what nobody wants any more is removed")
  func changes() throws {
    let hosts: [HostPods] = [
      host("prod-1", "10.1.0.11", "10.244.0.0/24"), host("prod-2", "10.1.0.12", "10.244.1.0/24"),
      host("ldr-1", "10.2.0.11", "10.244.2.0/24"),
    ]
    let plan = RoutePlan(localHost: "prod-1").changes(hosts: hosts, table: try RouteReader.read(table))
    #expect(
      plan.changes.map(\.batchLine) == [
        "route replace 10.244.1.0/24 via 10.1.0.12 proto 99", "route replace 10.244.2.0/24 via 10.1.0.1 proto 99",
        "route del 10.244.9.0/24 via 10.1.0.12 proto 99",
      ])
    #expect(plan.unreachable.isEmpty)
  }

  @Test("Carried out once, there is nothing left to change")
  func settled() throws {
    let hosts: [HostPods] = [host("prod-1", "10.1.0.11", "10.244.0.0/24"), host("prod-2", "10.1.0.12", "10.244.9.0/24")]
    #expect(RoutePlan(localHost: "prod-1").changes(hosts: hosts, table: try RouteReader.read(table)).changes.isEmpty)
  }

  @Test("A range that moved to another host is replaced in place, without a moment that has no route")
  func moved() throws {
    let hosts: [HostPods] = [host("prod-1", "10.1.0.11", "10.244.0.0/24"), host("prod-3", "10.1.0.13", "10.244.9.0/24")]
    let changes: [RouteChange] = RoutePlan(localHost: "prod-1").changes(hosts: hosts, table: try RouteReader.read(table)).changes
    #expect(changes.map(\.batchLine) == ["route replace 10.244.9.0/24 via 10.1.0.13 proto 99"])
  }

  @Test("Without any way to a host its route goes; two Nodes that claim one range, or ours, change nothing for the first")
  func unreachable() throws {
    let bare: RouteTable = try RouteReader.read(
      "10.1.0.0/24 dev eth0 proto kernel scope link\n10.244.7.0/24 via 10.1.0.5 dev eth0 proto 99\n")
    let hosts: [HostPods] = [
      host("prod-1", "10.1.0.11", "10.244.0.0/24"), host("rdr-1", "10.9.0.1", "10.244.7.0/24"), host("twin", "10.1.0.20", "10.244.0.0/24"),
      host("a", "10.1.0.6", "10.244.6.0/24"), host("b", "10.1.0.7", "10.244.6.0/24"),
    ]
    let plan = RoutePlan(localHost: "prod-1").changes(hosts: hosts, table: bare)
    #expect(plan.unreachable == ["rdr-1"])
    #expect(
      plan.changes.map(\.batchLine) == [
        "route replace 10.244.6.0/24 via 10.1.0.6 proto 99", "route del 10.244.7.0/24 via 10.1.0.5 proto 99",
      ])
  }

  @Test("A Node without a range or an address is not a host to route to")
  func nodes() {
    var node = KubeObject(["metadata": ["name": "ldr-1"], "spec": ["podCIDR": "10.244.2.0/24"]])
    #expect(HostPods(node: node) == nil)
    node.status = ["addresses": [["type": "Hostname", "address": "ldr-1"], ["type": "InternalIP", "address": "10.2.0.11"]]]
    #expect(HostPods(node: node) == host("ldr-1", "10.2.0.11", "10.244.2.0/24"))
    node.spec = ["podCIDR": "10.244.2.1/24"]
    #expect(HostPods(node: node) == nil)
  }

  @Test("Lines that are no routes are refused", arguments: ["garbage here\n", "10.1.0.0/33 dev eth0\n", "256.1.1.1 via 10.0.0.1\n"])
  func refused(_ text: String) {
    #expect(throws: PodNetworkError(.unreadableRoutes, "")) { try RouteReader.read(text) }
  }

  @Test("Addresses and ranges are read strictly", arguments: ["01.2.3.4", "1.2.3", "1.2.3.4.5", "1.2.3.999", "", "a.b.c.d", "1.2.3.4 "])
  func addresses(_ text: String) { #expect(IPv4Address(text) == nil) }

  @Test func networks() {
    #expect(IPv4Network("10.244.1.0/24")?.gateway.description == "10.244.1.1")
    #expect(IPv4Network("10.244.1.0/24")?.usableAddresses == 253)
    #expect(IPv4Network("10.244.1.7")?.prefixLength == 32)
    #expect(IPv4Network("default")?.description == "0.0.0.0/0")
    #expect(IPv4Network("10.244.1.7/24") == nil)
  }
}
