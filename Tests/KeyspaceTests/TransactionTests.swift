import Keyspace
import Primitives
import Testing

@Suite struct TransactionTests {
  @Test func `comparisons choose the branch, missing keys compare as zero, missing values never`() throws {
    var keyspace = Keyspace()
    #expect(try keyspace.run([put("a", "1")], if: [Compare(Bytes("a"), .equal, .version(0))]).succeeded)
    #expect(try !keyspace.run([put("a", "2")], if: [Compare(Bytes("a"), .equal, .create(0))], else: [read("a")]).succeeded)
    #expect(try keyspace.run([], if: [Compare(Bytes("a"), .equal, .mod(2)), Compare(Bytes("a"), .equal, .value(Bytes("1")))]).succeeded)
    #expect(try !keyspace.run([], if: [Compare(Bytes("x"), .notEqual, .value(Bytes("1")))]).succeeded)
    #expect(try keyspace.run([], if: [Compare(Bytes("a"), .greater, .value(Bytes("0")))]).succeeded)
    #expect(try keyspace.run([], if: [Compare(Bytes("a"), .less, .value(Bytes("10")))]).succeeded)
    try keyspace.run([put("b", "1")])
    #expect(try keyspace.run([], if: [Compare(everything, .greater, .mod(1))]).succeeded)
    #expect(try !keyspace.run([], if: [Compare(everything, .greater, .mod(2))]).succeeded)
    #expect(try keyspace.run([], if: [Compare(KeyRange(key: Bytes("x"), end: [0]), .equal, .lease(0))]).succeeded)
  }

  @Test func `reads in a transaction see its writes, nested ones run on the state before it`() throws {
    var keyspace = Keyspace()
    let nested = TransactionRequest(
      compares: [Compare(Bytes("a"), .equal, .version(0))], success: [put("n", "absent")], failure: [put("n", "present")])
    let answer = try keyspace.run([put("a", "1", previous: true), .transaction(nested), read("a"), read("n")])
    #expect(answer.revision == 2)
    guard case .put(let previous) = answer.responses[0], case .transaction(let inner) = answer.responses[1],
      case .range(let a) = answer.responses[2], case .range(let n) = answer.responses[3]
    else { return #expect(Bool(false), "responses in another order: \(answer)") }
    #expect(previous == nil && inner.succeeded && inner.revision == 2)
    #expect(a.keyValues[0].value.text == "1" && a.revision == 2 && n.keyValues[0].value.text == "absent")
  }

  @Test func `a transaction that fails on its way writes nothing`() throws {
    var keyspace = Keyspace()
    #expect(code { try keyspace.run([put("a", "1"), put("b", "1", lease: 9)]) } == .leaseNotFound)
    #expect(try keyspace.value("a") == nil)
    #expect(keyspace.revision == 1)
    #expect(code { try keyspace.run([.put(PutRequest(key: [1], value: [], ignoreValue: true))]) } == .keyNotFound)
    try keyspace.run([put("a", "1")])
    let kept = try keyspace.run([.put(PutRequest(key: Bytes("a"), value: [], previous: true, ignoreValue: true))])
    guard case .put(let previous?) = kept.responses[0] else { return #expect(Bool(false), "no previous value") }
    #expect(previous.value.text == "1")
    #expect(try keyspace.value("a") == "1")
  }

  @Test func `deletions tell what they deleted`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a1", "1"), put("a2", "2"), put("b", "3")])
    let answer = try keyspace.run([delete("a", "b", previous: true)])
    guard case .delete(let deleted, let previous) = answer.responses[0] else { return #expect(Bool(false), "not a deletion") }
    #expect(deleted == 2 && previous.map(\.value.text) == ["1", "2"])
    #expect(try keyspace.range(RangeRequest(everything)).keyValues.map(\.key.text) == ["b"])
  }

  @Test func `what no keyspace would run is refused before it is proposed`() {
    func refused(_ operations: [Operation], compares: [Compare] = []) -> KeyspaceError.Code? {
      code { try KeyspaceCommand.transaction(TransactionRequest(compares: compares, success: operations)).check() }
    }
    #expect(refused([put("a", "1"), put("a", "2")]) == .duplicateKey)
    #expect(refused([put("a", "1"), delete("a")]) == .duplicateKey)
    #expect(refused([delete("a", "c"), put("b", "1")]) == .duplicateKey)
    #expect(refused([delete("a", "c"), put("c", "1")]) == nil)
    let either = Operation.transaction(TransactionRequest(success: [put("x", "1")], failure: [put("x", "2")]))
    #expect(refused([either]) == nil)
    #expect(refused([either, put("x", "3")]) == .duplicateKey)
    #expect(refused([put("", "1")]) == .emptyKey)
    #expect(refused([read("")]) == .emptyKey)
    #expect(refused([delete("")]) == .emptyKey)
    #expect(refused([], compares: [Compare([], .equal, .version(0))]) == .emptyKey)
    #expect(refused([.put(PutRequest(key: [1], value: [1], ignoreValue: true))]) == .valueProvided)
    #expect(refused([.put(PutRequest(key: [1], value: [], lease: 1, ignoreLease: true))]) == .leaseProvided)
    #expect(refused((0..<129).map { put("\($0)", "") }) == .tooManyOperations)
    #expect(refused((0..<128).map { put("\($0)", "") }) == nil)
    #expect(refused((0..<127).map { put("\($0)", "") } + [either]) == .tooManyOperations)
    #expect(refused([put("a", String(repeating: "x", count: 1_600_000))]) == .requestTooLarge)
  }

  @Test func `read-only transactions are known as such`() throws {
    #expect(TransactionRequest(success: [read("a"), .transaction(TransactionRequest(success: [read("b")]))]).isReadOnly)
    #expect(!TransactionRequest(success: [.transaction(TransactionRequest(success: [], failure: [delete("b")]))]).isReadOnly)
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1")])
    #expect(try keyspace.evaluate(TransactionRequest(success: [read("a")])).revision == 2)
  }
}
