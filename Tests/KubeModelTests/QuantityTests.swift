import Testing

@testable import KubeModel

@Suite struct QuantityTests {
  @Test(arguments: [
    ("0", "0"), ("0n", "0"), ("-0", "0"), ("100m", "100m"), ("1000m", "1"), ("0.5", "500m"), ("1.5", "1500m"), ("12", "12"),
    ("1024", "1024"),
    ("1024Ki", "1Mi"), ("1Mi", "1Mi"), ("1.5Gi", "1536Mi"), ("0.5Mi", "512Ki"), ("1000Mi", "1000Mi"), ("1Ei", "1Ei"), ("0.1Ki", "102400m"),
    ("512Ki", "512Ki"), ("1023", "1023"), ("1e3", "1e3"), ("1E3", "1e3"), ("12e6", "12e6"), ("1e-3", "1e-3"), ("0.001e3", "1"),
    ("1E", "1E"), ("2k", "2k"),
    ("2000", "2k"), ("1500k", "1500k"), ("100M", "100M"), ("+5", "5"), ("-5", "-5"), ("-1.5Gi", "-1536Mi"), (".5", "500m"), ("5.", "5"),
    ("1n", "1n"), ("0.1n", "1n"), ("-0.1n", "-1n"), ("1.0000000001", "1000000001n"), ("100u", "100u"),
    ("9223372036854775807", "9223372036854775807"),
    ("9223372036854775808", "9223372036854775807"), ("100E", "9223372036854775807"), ("8Ei", "9223372036854775807"), ("500Ki", "500Ki"),
    ("0.0001Gi", "107374182400u"), ("1023Ki", "1023Ki"), ("1e30", "9223372036854775807"),
  ])
  func canonicalForm(text: String, canonical: String) {
    #expect(Quantity(text)?.description == canonical, "\(text)")
  }

  @Test(arguments: [
    "", " 1", "1 ", "1.1.1", "Ki", ".", "+", "-", "1KI", "1mi", "1ki", "1x", "1e", "1ee3", "1e3i", "--1", "1,5", "0x10", "1MiB", "٣",
  ])
  func refused(text: String) { #expect(Quantity(text) == nil, "\(text)") }

  @Test func valuesRoundUp() {
    #expect(Quantity("1500m")?.value == 2)
    #expect(Quantity("1500m")?.milliValue == 1500)
    #expect(Quantity("1Gi")?.value == 1_073_741_824)
    #expect(Quantity("1n")?.milliValue == 1)
    #expect(Quantity("-1500m")?.value == -2)
  }

  @Test func arithmeticAndOrder() throws {
    let half: Quantity = try #require(Quantity("500m"))
    #expect(half + Quantity(1) == Quantity("1.5"))
    #expect((Quantity.zero + Quantity("1Gi")!).description == "1Gi")
    #expect(Quantity("1Gi")! - Quantity("512Mi")! == Quantity("512Mi"))
    #expect(Quantity("1Ki")! > Quantity("1k")!)
    #expect(Quantity("1000m") == Quantity("1"))
    #expect(Quantity(json: .int(3))?.description == "3")
    #expect(Quantity(json: .double(0.5))?.description == "500m")
  }

  @Test(
    arguments: [
      (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"), (10_799, "179m"),
      (10_800, "3h"), (10_860, "3h1m"), (28_799, "7h59m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"), (176_400, "2d1h"),
      (691_199, "7d23h"),
      (691_200, "8d"), (63_071_999, "729d"), (63_072_000, "2y"), (63_158_400, "2y1d"), (252_288_000, "8y"),
    ] as [(Int64, String)])
  func humanDurations(seconds: Int64, text: String) { #expect(HumanDuration.text(seconds: seconds) == text) }

  @Test func intOrStringScales() {
    #expect(IntOrString(json: .string("25%"))?.scaled(of: 3, roundingUp: true) == 1)
    #expect(IntOrString(json: .string("25%"))?.scaled(of: 3, roundingUp: false) == 0)
    #expect(IntOrString(json: .int(2))?.scaled(of: 10, roundingUp: false) == 2)
    #expect(IntOrString(json: .string("http"))?.percentage == nil)
  }
}
