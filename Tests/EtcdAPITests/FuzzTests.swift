import Primitives
import TestSupport
import Testing

@testable import EtcdAPI

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.etcdAPI) }

  @Test func streamedJsonMayBeCutAnywhere() throws {
    let text = Bytes(" {\"a\":\"}\\\"{\"}\n{\"b\":[{},{}]} {}")
    var whole = JSONSplitter()
    var rest: Bytes = text
    var expected: [Bytes] = []
    while let value: Bytes = try whole.next(&rest) { expected.append(value) }
    #expect(expected.count == 3)
    var splitter = JSONSplitter()
    var held: Bytes = []
    var found: [Bytes] = []
    for byte in text {
      held.append(byte)
      while let value: Bytes = try splitter.next(&held) { found.append(value) }
    }
    #expect(found == expected && splitter.isBetweenValues)
    for bad in ["}", "x", "\"a\"", "{}]"] {
      var splitter = JSONSplitter()
      var held = Bytes(bad)
      #expect(throws: JSONFault.self) { while try splitter.next(&held) != nil {} }
    }
  }
}
