import Primitives
import Processes
import Site
import Testing

@testable import Drills

@Suite struct EndpointTests {
  @Test func deadAddressesAreThoseOfTheCentersHostsAndPods() throws {
    let dead = DeadAddresses("production", try RunbookTests.site())
    for address in ["10.71.0.11", "10.71.0.12", "10.171.1.7", "10.171.2.254"] { #expect(dead.contains(address), "\(address)") }
    for address in ["10.72.0.11", "10.172.1.7", "10.171.3.1", "10.171.10.7", "nobody", ""] {
      #expect(!dead.contains(address), "\(address)")
    }
  }

  /// The filter that runs on the hosts, over rules as nft prints them.
  @Test func theRulesAreAskedWhereTheyAre() async throws {
    let words: [String] = DeadAddresses("production", try RunbookTests.site()).question
    let rules = """
      table ip tricenter-proxy {
        chain ep-1 { meta l4proto tcp dnat to 10.171.1.7:8080 }
        chain ep-2 { meta l4proto tcp dnat to 10.171.10.7:8080 }
        chain ep-3 {
          ip saddr 10.171.2.9 meta mark set meta mark | 0x00004000
          meta l4proto tcp dnat to 10.172.1.9:8080
        }
        chain ep-4 { meta l4proto udp dnat to 10.171.2.9:53 }
        chain ep-5 { meta l4proto udp dnat to 10.171.2.9:54 }
      }
      """
    let script: String = words[2].replacing("nft list table ip tricenter-proxy", with: "cat")
    var command = Command(["sh", "-c", script] + words[3...], input: Bytes(rules.utf8), timeout: .seconds(20))
    #expect(try await command.outcome().output.text == "10.171.1.7\n10.171.2.9\n")
    let broken: String = words[2].replacing("nft list table ip tricenter-proxy", with: "false")
    command = Command(["sh", "-c", broken] + words[3...], timeout: .seconds(20))
    #expect(try await command.outcome().status == 9)
  }
}
