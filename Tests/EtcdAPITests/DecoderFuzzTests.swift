import HTTP
import Keyspace
import NIOCore
import Primitives
import Testing

@testable import EtcdAPI

/// Every decoder of the module fed with noise, with valid input that was cut, flipped or grown, and byte by byte. One seed; a bounded
/// number of rounds. What must hold: an error or a value, never a trap, and what a decoder accepts its encoder writes again.
@Suite struct DecoderFuzzTests {
  private func mutated(_ bytes: Bytes, _ random: inout SeededRandom) -> Bytes {
    var bytes: Bytes = bytes
    for _ in 0...Int.random(in: 0...3, using: &random) {
      switch Int.random(in: 0...3, using: &random) {
      case 0: if !bytes.isEmpty { bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random) }
      case 1: bytes = Bytes(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      case 2: bytes.insert(.random(in: 0...255, using: &random), at: Int.random(in: 0...bytes.count, using: &random))
      default: bytes += (0..<Int.random(in: 0...8, using: &random)).map { _ in .random(in: 0...255, using: &random) }
      }
    }
    return bytes
  }

  private func bytes(_ message: (inout ProtobufWriter) -> Void) -> Bytes {
    var writer = ProtobufWriter()
    message(&writer)
    return Bytes(writer.buffer.readableBytesView)
  }

  @Test func messages() throws {
    var random = SeededRandom(seed: 0xF0_22)
    let transaction = TransactionRequest(
      compares: [Compare(Bytes("a"), .less, .mod(7)), Compare(KeyRange(key: [1], end: [2]), .equal, .value([3]))],
      success: [.put(PutRequest(key: [1], value: [2], lease: 3, previous: true)), .range(RangeRequest(.prefix([5]), limit: 3))],
      failure: [.transaction(TransactionRequest(success: [.delete(DeleteRequest(.prefix([]), previous: true))]))])
    var create = WatchMessage.Create()
    create.request = WatchRequest(.prefix(Bytes("w")), startRevision: 5, previous: true, noPut: true)
    create.fragment = true
    let corpus: [Bytes] = [
      bytes { transaction.encode(&$0) }, bytes { WatchMessage.create(create).encode(&$0) },
      bytes { RangeRequest(.prefix([1]), revision: 4, limit: 9, sortTarget: .mod, sortOrder: .descend).encode(&$0) },
      bytes { AuthPermission(kind: .write, key: [1], end: [2]).encode(&$0) },
    ]
    let decoders: [(ProtobufReader) throws -> Void] = [
      { _ = try TransactionRequest($0) }, { _ = try WatchMessage($0) }, { _ = try RangeRequest($0) }, { _ = try PutRequest($0) },
      { _ = try DeleteRequest($0) }, { _ = try WatchAnswer($0) }, { _ = try RangeResponse($0) }, { _ = try TransactionResponse($0) },
      { _ = try AuthPermission($0) }, { _ = try AuthFields($0).permission() }, { _ = try LeaderKey.decode($0) },
      { _ = try LeaseID.decode($0) },
      { _ = try ResponseHeader($0) }, { _ = try KeyValue($0) },
    ]
    var accepted: Int = 0
    for round in 0..<4_000 {
      let input: Bytes =
        round % 4 == 0
        ? (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        : mutated(corpus[round % corpus.count], &random)
      for decoder in decoders {
        do {
          try decoder(ProtobufReader(ByteBuffer(bytes: input)))
          accepted += 1
        } catch {}
      }
      if let once = try? TransactionRequest(ProtobufReader(ByteBuffer(bytes: input))) {
        let twice = try TransactionRequest(ProtobufReader(ByteBuffer(bytes: bytes { once.encode(&$0) })))
        #expect(twice == once)
      }
    }
    #expect(accepted > 1_000)
  }

  @Test func jsonAndBack() throws {
    var random = SeededRandom(seed: 0xF0_23)
    let transcoder = Transcoder(messages: EtcdSchema.messages)
    let corpus: [String] = [
      #"{"compare":[{"key":"Zm9v","target":"MOD","mod_revision":"9223372036854775807"}],"success":[{"requestPut":{"key":"YQ==","value":"\u0041QQ="}}]}"#,
      #"{"success":[{"request_txn":{"failure":[{"request_delete_range":{"key":"AA","range_end":"AA==","prevKv":true}}]}}], "x":[1.5e3,-0,"\ud83d\ude00"]}"#,
    ]
    var accepted: Int = 0
    for round in 0..<4_000 {
      let input: Bytes = mutated(Bytes(corpus[round % corpus.count]), &random)
      guard let tree = try? JSONTree(input), let message: ByteBuffer = try? transcoder.bytes(tree, as: "TxnRequest") else { continue }
      accepted += 1
      var json = JSONWriter()
      // Text in, bytes out, text out, bytes out again: the same bytes, as long as no default was written.
      try transcoder.json(message, as: "TxnRequest", into: &json)
      let again: JSONTree = try JSONTree(json.bytes)
      var second = JSONWriter()
      try transcoder.json(try transcoder.bytes(again, as: "TxnRequest"), as: "TxnRequest", into: &second)
      #expect(second.bytes == json.bytes)
    }
    #expect(accepted > 100)
  }

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

  @Test func settingsTokensAndSnapshots() throws {
    var random = SeededRandom(seed: 0xF0_24)
    var state = AuthState()
    _ = try state.apply(.addUser(name: "u", password: [1, 2], noPassword: false))
    _ = try state.apply(.addRole(name: "r"))
    _ = try state.apply(.grantPermission(role: "r", AuthPermission(kind: .read, key: [1], end: [2])))
    var alarms = Alarms()
    _ = alarms.raise(Alarms.Alarm(member: 5, kind: .noSpace))
    let token: String = SimpleToken.make(user: "u", generation: 1, key: [1], expires: WallTime(secondsSince1970: 10))
    for _ in 0..<4_000 {
      if let once = try? AuthState(mutated(state.encode(), &random)) { #expect(try AuthState(once.encode()) == once) }
      if let once = try? Alarms(mutated(alarms.encode(), &random)) { #expect(try Alarms(once.encode()) == once) }
      let other: Bytes = mutated(Bytes(token), &random)
      if other != Bytes(token) { #expect(SimpleToken.verify(other.text, key: [1], now: WallTime(secondsSince1970: 1)) == nil) }
      _ = ECDSAForm.fixed(mutated([0x30, 8, 2, 2, 1, 1, 2, 2, 1, 1], &random))
    }
  }
}
