import KubeModel
import Primitives
import TestSupport
import Testing

@testable import APIServer

/// Texts that ended the process, or would have kept it busy for ever.
@Suite struct HostileTextTests {
  @Test(arguments: ["application/json; ;q=1", "a;=", "a; = ;=,b", ";", "; ; ;"]) func emptyPartsOfAnAcceptField(text: String) throws {
    _ = try? OutputForm.negotiate(text)
    #expect(try OutputForm.negotiate(text + ",application/json") == .whole)
  }

  @Test func listsOfListsOfLists() {
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...12 { bomb += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n" }
    #expect(throws: KubeStatus.self) { try YAMLDocument.json(bomb) }
    #expect(YAMLDocument.firstAlias(Bytes(bomb)) == "a0")
    // As a key the reader itself would walk through all of it.
    #expect(throws: KubeStatus.self) { try YAMLDocument.json("k: &k [1]\nm:\n  ? *k\n  : 1\n") }
  }

  @Test func signsThatAreNoAliases() throws {
    let script = "data:\n  run: |\n    ls *.txt && rm *.log &\n    case $1 in *) ;; esac\n  cron: \"*/5 * * * *\"\n  one: &one 1\n"
    #expect(YAMLDocument.firstAlias(Bytes(script)) == nil)
    #expect(try YAMLDocument.json(script)["data"]["one"].int == 1)
    #expect(try YAMLDocument.json(#"{"a": "&x *x", "b": [1.5, null]}"#)["a"].string == "&x *x")
  }

  @Test func decoders() { expectSound(FuzzTarget.apiServer) }
}
