import Primitives
import Testing

@testable import KubeModel

@Suite struct SelectorTests {
  static let labels: [String: String] = ["app": "web", "tier": "front", "n": "5", "empty": ""]

  @Test(arguments: [
    ("", true), ("app=web", true), ("app==web", true), ("app = web , tier=front", true), ("app=db", false), ("app!=db", true),
    ("app!=web", false),
    ("missing!=x", true), ("app", true), ("missing", false), ("!missing", true), ("!app", false), ("app in (web,db)", true),
    ("app in (db)", false),
    ("app notin (db)", true), ("missing notin (a)", true), ("app in (web),tier notin (back),!x", true), ("n>4", true), ("n>5", false),
    ("n<6", true),
    ("app>4", false), ("empty=", true), ("empty in (,a)", true), ("missing=", false), ("app in ( web , db )", true),
  ])
  func labelSelectors(text: String, expected: Bool) throws {
    let selector: LabelSelector = try .parse(text)
    #expect(selector.matches(Self.labels) == expected)
    #expect(try LabelSelector.parse(selector.description).matches(Self.labels) == expected)
  }

  @Test(arguments: [
    "=a", "a in", "a in (", "a in b", "a=b=c", "a,,b", "a,", "a!", "a>b", "a b", "/x", "a/b/c", "a=-", "!", "a in (b c)", "(a)", "A_=é",
  ])
  func malformedLabelSelectors(text: String) {
    #expect(throws: KubeModelError(.badSelector, "")) { try LabelSelector.parse(text) }
  }

  @Test func objectsOfSpecs() throws {
    let json: JSONValue = try .parse(
      #"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"tier","operator":"In","values":["front"]},{"key":"x","operator":"DoesNotExist"}]}"#
    )
    let selector = try LabelSelector(object: json)
    #expect(selector.matches(Self.labels))
    #expect(selector.description == "app=web,tier=front,!x")
    #expect(selector.requiredValue(of: "app") == "web")
    #expect(try LabelSelector(object: .null).matches([:]) == false)
    #expect(try LabelSelector(object: [:]).matches([:]))
    #expect(throws: KubeModelError(.badSelector, "")) { try LabelSelector(object: ["matchExpressions": [["key": "a", "operator": "Is"]]]) }
  }

  @Test func fieldSelectors() throws {
    let selector: FieldSelector = try .parse(#"metadata.name=web,status.phase!=Failed,x=a\,b\=c\\"#)
    let fields: [String: String] = ["metadata.name": "web", "status.phase": "Running", "x": #"a,b=c\"#]
    #expect(selector.matches { fields[$0] ?? "" })
    #expect(selector.requiredName == "web")
    #expect(try FieldSelector.parse(selector.description) == selector)
    #expect(try FieldSelector.parse("a==b").terms == [.init(field: "a", value: "b")])
    #expect(try FieldSelector.parse("").terms.isEmpty)
    for bad in ["a", "=b", #"a=b\"#, #"a=\x"#, "a!b", "a=b=c"] {
      #expect(throws: KubeModelError(.badSelector, "")) { try FieldSelector.parse(bad) }
    }
  }

  @Test func names() {
    #expect(NameRules.label("web-1").isEmpty)
    for bad in ["", "Web", "-a", "a-", "a.b", "a_b", String(repeating: "a", count: 64)] { #expect(!NameRules.label(bad).isEmpty) }
    #expect(NameRules.label1035("a1").isEmpty && !NameRules.label1035("1a").isEmpty)
    #expect(NameRules.subdomain("a.b-c.d1").isEmpty)
    for bad in ["a..b", ".a", "a.", "a_b", String(repeating: "a", count: 254)] { #expect(!NameRules.subdomain(bad).isEmpty) }
    for good in ["a", "example.com/My_name.1"] { #expect(NameRules.qualifiedName(good).isEmpty) }
    for bad in ["", "/a", "a/", "A.com/x", "a/b/c", "-a", String(repeating: "a", count: 64)] {
      #expect(!NameRules.qualifiedName(bad).isEmpty)
    }
    #expect(NameRules.labelValue("").isEmpty && NameRules.labelValue("a_B.1").isEmpty && !NameRules.labelValue("a b").isEmpty)
    #expect(
      NameRules.dataKey("a.b_C-1").isEmpty && !NameRules.dataKey("..").isEmpty && !NameRules.dataKey("a/b").isEmpty
        && !NameRules.dataKey("..a").isEmpty)
    #expect(NameRules.portName("http-1").isEmpty && !NameRules.portName("80").isEmpty && !NameRules.portName("a--b").isEmpty)
  }

  @Test func generatedNames() {
    var random = SeededRandom(seed: 1)
    let name: String = GeneratedNames.name(prefix: "web-", using: &random)
    #expect(name.hasPrefix("web-") && name.count == 9 && NameRules.label(name).isEmpty)
    #expect(GeneratedNames.name(prefix: String(repeating: "a", count: 80), using: &random).count == 63)
    #expect(GeneratedNames.safeEncoded("1024") == "5468")
  }
}
