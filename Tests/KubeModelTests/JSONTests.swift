import Primitives
import TestSupport
import Testing

@testable import KubeModel

@Suite struct JSONTests {
  static let accepted: [(String, JSONValue)] = [
    ("null", JSONValue.null), (" true ", true), ("false", false), ("0", 0), ("-0", 0), ("-12", .int(-12)),
    ("9223372036854775807", .int(.max)),
    ("-9223372036854775808", .int(.min)), ("9223372036854775808", .double(9.223372036854775808e18)), ("1.5", 1.5), ("1e3", 1000.0),
    ("1E-2", 0.01), ("[]", []), ("{}", [:]), ("[1,[2,{\"a\":null}]]", [1, [2, ["a": nil]]]), ("\"\"", ""),
    ("\"a\\u00e9\\ud83d\\ude00\\n\\/\"", "aé😀\n/"), ("\"é😀 plain\"", "é😀 plain"), ("{\"a\":1,\"a\":2}", ["a": 2]),
    ("\r\n\t {\"k\" : [ 1 , 2 ] }\n", ["k": [1, 2]]), ("\"\\u0000\"", "\0"),
  ]

  @Test(arguments: accepted)
  func accepts(text: String, value: JSONValue) throws {
    #expect(try JSONValue.parse(text) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1e999", "[", "[1", "[1,", "[1,]", "[,1]", "]",
    "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "1 2", "{} {}", "\"", "\"a", "\"\\",
    "\"\\x\"",
    "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "\"a\u{1}b\"", "'a'", "[1 2]", "/*c*/1",
    "\u{FEFF}1",
  ])
  func refuses(text: String) {
    #expect(throws: KubeModelError(.malformedJSON, "")) { try JSONValue.parse(text) }
  }

  @Test(
    arguments: [
      [0x22, 0x80, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
      [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
      [0x22, 0xFF, 0x22], [0x22, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0xE2, 0x82, 0x22],
    ] as [Bytes])
  func refusesWhatIsNotUTF8(bytes: Bytes) {
    #expect(throws: KubeModelError(.malformedJSON, "")) { try JSONValue.parse(bytes) }
  }

  @Test func depthAndSizeAreLimited() {
    let deep: Bytes = Bytes(String(repeating: "[", count: 300) + String(repeating: "]", count: 300))
    #expect(throws: KubeModelError(.tooLarge, "")) { try JSONValue.parse(deep) }
    #expect(throws: Never.self) { try JSONValue.parse(deep, maximumDepth: 300) }
    #expect(throws: KubeModelError(.tooLarge, "")) { try JSONValue.parse(Bytes("[1,2]"), maximumBytes: 4) }
  }

  @Test func duplicatesAreNamedByPath() throws {
    let text: String = #"{"a":1,"spec":{"c":[{"n":1},{"n":1,"n":2}],"x":1,"x":2},"a":3}"#
    let (value, duplicates) = try JSONValue.parseReportingDuplicates(Bytes(text))
    #expect(duplicates == ["spec.c[1].n", "spec.x", "a"])
    #expect(value["a"] == 3)
    #expect(value["spec"]["c"][1]["n"] == 2)
    let many: String = "{" + (0..<100).map { "\"k\($0 % 60)\":\($0)" }.joined(separator: ",") + "}"
    #expect(try JSONValue.parse(many).object?.count == 60)
  }

  @Test(arguments: [
    (0.0, "0"), (5.0, "5"), (-2.5, "-2.5"), (1e-6, "0.000001"), (1e-7, "1e-7"), (1.5e-9, "1.5e-9"), (1e20, "100000000000000000000"),
    (1e21, "1e+21"), (1.25e22, "1.25e+22"), (123456.789, "123456.789"), (0.1, "0.1"), (1e16, "10000000000000000"), (-0.05, "-0.05"),
    (-0.0, "0"),
  ])
  func numbersAreWrittenAsGoWritesThem(number: Double, text: String) {
    #expect(JSONValue.double(number).serialized().text == text)
  }

  @Test func writesWhatMustBeEscaped() {
    #expect(
      JSONValue.string("a\"b\\c\n\t\u{8}\u{C}\r\u{1}\u{1F}<é>\u{7F}").serialized().text == #""a\"b\\c\n\t\b\f\r\u0001\u001f<é>"#
        + "\u{7F}\"")
    #expect(JSONValue.array([.int(.min), .int(.max), 0]).serialized().text == "[-9223372036854775808,9223372036854775807,0]")
  }

  @Test(arguments: 1...200) func whatIsWrittenReadsBackEqual(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let value: JSONValue = Self.any(&random, depth: 5)
    #expect(try JSONValue.parse(value.serialized()) == value)
    #expect(try JSONValue.parse(Bytes(value.pretty())) == value)
  }

  @Test(arguments: 1...300) func garbageIsRefusedOrRead(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var bytes: Bytes = Self.any(&random, depth: 4).serialized()
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place: Int = .random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[place] = .random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(#"{}[]",:\"#.utf8.randomElement(using: &random)!, at: place)
      default: bytes.removeLast(bytes.count - place)
      }
    }
    if let value: JSONValue = try? JSONValue.parse(bytes) { #expect(throws: Never.self) { try JSONValue.parse(value.serialized()) } }
    // The scan steps over anything without leaving the buffer.
    _ = JSONScan.with(bytes) { ($0.string("a", "b"), $0.stringMap("metadata", "labels")) }
    _ = JSONSplice.settingResourceVersion(bytes, "1")
    _ = JSONSplice.removingResourceVersion(bytes)
  }

  static func any(_ random: inout SeededRandom, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .int(Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
    case 3: return .double(Double.random(in: -1e9...1e9, using: &random) + 0.5)
    case 4, 5: return .string(text(&random))
    case 6: return .array((0..<Int.random(in: 0..<6, using: &random)).map { _ in any(&random, depth: depth - 1) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0..<40, using: &random) { object[text(&random)] = any(&random, depth: depth - 2) }
      return .object(object)
    }
  }

  static func text(_ random: inout SeededRandom) -> String {
    let pieces: [String] = ["a", "metadata", "é", "😀", "\"", "\\", "\n", "\u{1}", "z9", "label.io/x", " ", "\u{2028}"]
    return (0..<Int.random(in: 0..<8, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
  }
}

@Suite struct JSONScanTests {
  static let pod: String =
    #"{"kind":"Pod","spec":{"nodeName":"prod-1","x":[{"metadata":{"name":"no"}},"}\\\""]},"metadata":{"name":"a\u0062","labels":{"app":"web","q\"":"v"},"resourceVersion":"7","n":5}}"#

  @Test func findsFieldsWithoutATree() {
    JSONScan.with(Bytes(Self.pod)) { scan in
      #expect(scan.string("kind") == "Pod")
      #expect(scan.string("metadata", "name") == "ab")
      #expect(scan.string("spec", "nodeName") == "prod-1")
      #expect(scan.string("metadata", "n") == nil)
      #expect(scan.value("metadata", "n") == 5)
      #expect(scan.string("status", "phase") == nil)
      #expect(scan.stringMap("metadata", "labels") == ["app": "web", "q\"": "v"])
    }
  }

  @Test func splicesTheResourceVersion() throws {
    var expected: JSONValue = try .parse(Self.pod)
    expected["metadata"]["resourceVersion"] = "123"
    #expect(try JSONValue.parse(JSONSplice.settingResourceVersion(Bytes(Self.pod), "123")) == expected)
    expected["metadata"]["resourceVersion"] = nil
    #expect(try JSONValue.parse(JSONSplice.removingResourceVersion(Bytes(Self.pod))) == expected)
    for (before, after) in [
      ("{}", #"{"metadata":{"resourceVersion":"1"}}"#), (#"{"metadata":{}}"#, #"{"metadata":{"resourceVersion":"1"}}"#),
      (#"{ "a" : 1 }"#, #"{"metadata":{"resourceVersion":"1"}, "a" : 1 }"#),
      (#"{"metadata":{"name":"x"}}"#, #"{"metadata":{"resourceVersion":"1","name":"x"}}"#),
    ] {
      #expect(JSONSplice.settingResourceVersion(Bytes(before), "1").text == after)
    }
    for (before, after) in [
      (#"{"metadata":{"resourceVersion":"1"}}"#, #"{"metadata":{}}"#),
      (#"{"metadata":{"resourceVersion":"1","name":"x"}}"#, #"{"metadata":{"name":"x"}}"#),
      (#"{"metadata":{"name":"x","resourceVersion":"1","uid":"u"}}"#, #"{"metadata":{"name":"x","uid":"u"}}"#),
    ] {
      #expect(JSONSplice.removingResourceVersion(Bytes(before)).text == after)
    }
  }
}

@Suite struct JSONAccessTests {
  @Test func assigningNullRemovesAMember() {
    var value: JSONValue = ["a": ["b": 1, "c": 2]]
    value["a"]["b"] = nil
    value["x"]["y"] = "z"
    #expect(value == ["a": ["c": 2], "x": ["y": "z"]])
    #expect(value["a"].object?.keys == ["c"])
  }
}
