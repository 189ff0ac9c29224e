import KubeModel
import Testing

@testable import PodNetwork

@Suite("CNI configuration")
struct ConfigurationTests {
  @Test("The list names the bridge plugin, the host's range and a directory of its own, and is JSON")
  func text() throws {
    let configuration = try CNIConfiguration(
      networkName: "tricenter-prod-1", podRange: IPv4Network("10.244.1.0/24")!, mtu: 1_400, addressDirectory: "/var/lib/x \"y\"")
    let parsed: JSONValue = try JSONValue.parse(configuration.text)
    let bridge: JSONValue = parsed["plugins"][0]
    #expect(parsed["name"].string == "tricenter-prod-1")
    #expect(bridge["type"].string == "bridge")
    #expect(parsed["plugins"][1]["type"].string == "portmap")
    #expect(parsed["plugins"][1]["capabilities"]["portMappings"].bool == true)
    #expect(bridge["isGateway"].bool == true)
    #expect(bridge["ipMasq"].bool == false)
    #expect(bridge["mtu"].int == 1_400)
    #expect(bridge["ipam"]["ranges"][0][0]["subnet"].string == "10.244.1.0/24")
    #expect(bridge["ipam"]["dataDir"].string == "/var/lib/x \"y\"")
  }

  @Test("A range that holds no pods and a name that no interface can have are refused")
  func refused() {
    #expect(throws: PodNetworkError(.badRange, "")) {
      try CNIConfiguration(networkName: "x", podRange: IPv4Network("10.244.1.0/30")!, addressDirectory: "/x")
    }
    #expect(throws: PodNetworkError(.badRange, "")) {
      try CNIConfiguration(networkName: "x", bridge: "a-name-too-long-0", podRange: IPv4Network("10.244.1.0/24")!, addressDirectory: "/x")
    }
  }
}
