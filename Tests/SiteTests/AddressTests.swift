import Testing

@testable import Site

@Suite struct AddressTests {
  @Test(arguments: [
    ("1.0.0.0/8", AddressCategory.classA), ("126.1.0.0/16", .classA), ("128.1.0.0/16", .classB), ("191.254.0.0/16", .classB),
    ("193.1.1.0/24", .classC), ("223.255.254.0/24", .classC), ("224.0.0.0/24", .classD), ("239.1.0.0/16", .classD),
    ("240.0.0.0/8", .classE), ("0.0.0.0/0", .defaultRoute), ("::/0", .defaultRoute), ("0.1.0.0/16", .defaultRoute),
    ("127.0.1.0/24", .loopback), ("::1/128", .loopback), ("10.0.0.0/8", .privateUse), ("172.31.0.0/16", .privateUse),
    ("192.168.7.0/24", .privateUse), ("fd00::/48", .privateUse), ("169.254.9.0/24", .linkLocal), ("fe80::/64", .linkLocal),
    ("ff02::/16", .multicast), ("100.64.0.0/16", .specialPurpose), ("192.0.2.0/28", .specialPurpose),
    ("198.18.0.0/16", .specialPurpose), ("203.0.113.0/24", .specialPurpose), ("255.255.255.255/32", .specialPurpose),
    ("2001:db8:1::/48", .specialPurpose), ("2a00:1450::/32", .globalUnicast), ("172.0.0.0/8", .classB),
    // Wider than the block it touches: the refused part decides.
    ("192.0.0.0/16", .specialPurpose), ("126.0.0.0/7", .loopback),
  ])
  func everyRangeHasACategory(text: String, expected: AddressCategory) throws {
    let range: IPRange = try IPRange.parse(text).get()
    #expect(range.classified.category == expected)
  }

  @Test(arguments: [
    "10.0.0.0", "10.0.0.0/33", "10.0.0.1/24", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/08", "x/8", "10.0.0.0/-1", "::1/129", "",
  ])
  func whatIsNotARangeIsRefused(text: String) {
    if case .success(let range) = IPRange.parse(text) { Issue.record("\(text) was read as \(range)") }
  }

  @Test func rangesKnowWhatTheyHold() throws {
    let range: IPRange = try IPRange.parse("10.1.0.0/16").get()
    #expect(range.last.description == "10.1.255.255")
    #expect(range.contains(try #require(IPAddress("10.1.9.9"))))
    #expect(!range.contains(try #require(IPAddress("10.2.0.0"))))
    #expect(try range.overlaps(IPRange.parse("10.0.0.0/8").get()))
    #expect(try !range.overlaps(IPRange.parse("fd00::/8").get()))
    #expect(IPAddress("2001:db8::1")?.description == "2001:db8::1")
  }
}
