import HTTP
import Keyspace
import NIOCore
import Primitives

extension FuzzTarget {
  /// What clients (and, for the client, servers) of the etcd API send, in both forms, and what is replicated for it.
  public static var etcdAPI: [FuzzTarget] {
    [
      messages, transactions, watches, gatewayJSON, gatewayBytes, gatewayStreams, authStates, alarms, simpleTokens, webTokens, signatures,
      boltDatabases,
    ]
  }

  private static let transcoder = Transcoder(messages: EtcdSchema.messages)

  /// Every message of the schema with every field set, messages inside messages down to a depth.
  private static func example(_ name: String, depth: Int = 0) -> String {
    let fields: [String] = (EtcdSchema.messages[name]?.fields ?? []).compactMap { field in
      let value: String
      switch field.kind {
      case .bytes: value = #""Zm9v""#
      case .string: value = #""a/b\u0041""#
      case .bool: value = "true"
      case .int64: value = #""-9223372036854775808""#
      case .uint64: value = #""18446744073709551615""#
      case .uint32: value = "7"
      case .enumeration(let names): value = "\"\(names[names.count - 1])\""
      case .message(let inner):
        guard depth < 3 else { return nil }
        value = example(inner, depth: depth + 1)
      }
      return "\"\(field.name)\":\(field.isRepeated ? "[\(value),\(value)]" : value)"
    }
    return "{\(fields.joined(separator: ","))}"
  }

  private static let names: [String] = EtcdSchema.messages.keys.sorted()
  private static let wires: [Bytes] = names.compactMap { name in
    guard let tree = try? JSONTree(Bytes(example(name))), let buffer: ByteBuffer = try? transcoder.bytes(tree, as: name) else { return nil }
    return Bytes(buffer.readableBytesView)
  }

  private static func bytes(_ message: (inout ProtobufWriter) -> Void) -> Bytes {
    var writer = ProtobufWriter()
    message(&writer)
    return Bytes(writer.buffer.readableBytesView)
  }

  /// Any message's bytes, given to every decoder.
  private static var messages: FuzzTarget {
    let decoders: [@Sendable (ProtobufReader) throws -> Void] = [
      { _ = try TransactionRequest($0) }, { _ = try WatchMessage($0) }, { _ = try RangeRequest($0) }, { _ = try PutRequest($0) },
      { _ = try DeleteRequest($0) }, { _ = try WatchAnswer($0) }, { _ = try RangeResponse($0) }, { _ = try TransactionResponse($0) },
      { _ = try AuthPermission($0) }, { _ = try AuthFields($0).permission() }, { _ = try LeaderKey.decode($0) },
      { _ = try LeaseID.decode($0) }, { _ = try ResponseHeader($0) }, { _ = try KeyValue($0) },
    ]
    let isTaken: @Sendable (Bytes) -> Bool = { input in
      // All of them, also when one took it.
      decoders.count { decoder in (try? decoder(ProtobufReader(ByteBuffer(bytes: input)))) != nil } > 0
    }
    return FuzzTarget("etcd-messages", corpus: wires.filter(isTaken)) { input throws(FuzzFinding) in isTaken(input) }
  }

  private static var transactions: FuzzTarget {
    let transaction = TransactionRequest(
      compares: [Compare(Bytes("a"), .less, .mod(7)), Compare(KeyRange(key: [1], end: [2]), .equal, .value([3]))],
      success: [.put(PutRequest(key: [1], value: [2], lease: 3, previous: true)), .range(RangeRequest(.prefix([5]), limit: 3))],
      failure: [.transaction(TransactionRequest(success: [.delete(DeleteRequest(.prefix([]), previous: true))]))])
    return .roundTrip(
      "etcd-transactions", corpus: [bytes { transaction.encode(&$0) }],
      decode: { try TransactionRequest(ProtobufReader(ByteBuffer(bytes: $0))) }
    ) { request in bytes { request.encode(&$0) } }
  }

  private static var watches: FuzzTarget {
    var create = WatchMessage.Create()
    create.request = WatchRequest(.prefix(Bytes("w")), startRevision: 5, previous: true, noPut: true)
    create.fragment = true
    let created = WatchMessage.create(create)
    let corpus: [Bytes] = [
      bytes { created.encode(&$0) }, bytes { WatchMessage.cancel(watchID: 3).encode(&$0) }, bytes { WatchMessage.progress.encode(&$0) },
    ]
    return FuzzTarget("etcd-watches", corpus: corpus) { input throws(FuzzFinding) in
      guard let message = try? WatchMessage(ProtobufReader(ByteBuffer(bytes: input))) else { return false }
      let written: Bytes = bytes { message.encode(&$0) }
      guard let again = try? WatchMessage(ProtobufReader(ByteBuffer(bytes: written))), bytes({ again.encode(&$0) }) == written else {
        throw FuzzFinding("what was taken does not come back: \(message)")
      }
      return true
    }
  }

  private static let jsonWords: [Bytes] = [
    "null", "true", "{", "}", "[", "]", "\"\":", ",", "1e999", "-0", "\\ud800", "\"AA==\"", "\\u0000",
  ]
  .map { Bytes($0) }

  /// Text in, bytes out, text out, bytes out again: the same text, as every message that it can be.
  private static var gatewayJSON: FuzzTarget {
    FuzzTarget("gateway-json", corpus: names.map { Bytes(example($0)) }, words: jsonWords) { input throws(FuzzFinding) in
      guard let tree = try? JSONTree(input) else { return false }
      var isTaken: Bool = false
      for name in names {
        guard let message: ByteBuffer = try? transcoder.bytes(tree, as: name) else { continue }
        isTaken = true
        do {
          var first = JSONWriter()
          try transcoder.json(message, as: name, into: &first)
          var second = JSONWriter()
          try transcoder.json(try transcoder.bytes(try JSONTree(first.bytes), as: name), as: name, into: &second)
          guard first.bytes == second.bytes else { throw FuzzFinding("as \(name) it comes back as \(second.bytes.text.prefix(200))") }
        } catch let finding as FuzzFinding {
          throw finding
        } catch {
          throw FuzzFinding("as \(name) it is refused on its way back: \(error)")
        }
      }
      return isTaken
    }
  }

  private static var gatewayBytes: FuzzTarget {
    FuzzTarget("gateway-bytes", corpus: wires) { input throws(FuzzFinding) in
      var isTaken: Bool = false
      for name in names {
        var writer = JSONWriter()
        guard (try? transcoder.json(ByteBuffer(bytes: input), as: name, into: &writer)) != nil else { continue }
        isTaken = true
        guard (try? JSONTree(writer.bytes)) != nil else {
          throw FuzzFinding("as \(name) it becomes no JSON: \(writer.bytes.text.prefix(200))")
        }
      }
      return isTaken
    }
  }

  private static var gatewayStreams: FuzzTarget {
    let corpus: [Bytes] = [" {\"a\":\"}\\\"{\"}\n{\"b\":[{},{}]} {}", "{}{}"].map { Bytes($0) }
    return .stream("gateway-streams", corpus: corpus, words: jsonWords) { pieces in
      var splitter = JSONSplitter()
      var held: Bytes = []
      var found: [Bytes] = []
      do {
        for piece in pieces {
          held += piece
          while let value: Bytes = try splitter.next(&held) { found.append(value) }
        }
        return (found, true)
      } catch {
        return (found + [Bytes("refused")], false)
      }
    }
  }

  private static var authStates: FuzzTarget {
    var state = AuthState()
    _ = try? state.apply(.addUser(name: "u", password: [1, 2], noPassword: false))
    _ = try? state.apply(.addRole(name: "r"))
    _ = try? state.apply(.grantPermission(role: "r", AuthPermission(kind: .read, key: [1], end: [2])))
    return .roundTrip(
      "auth-states", corpus: [state.encode(), AuthState().encode()], decode: { try AuthState($0) }, encode: { $0.encode() })
  }

  private static var alarms: FuzzTarget {
    var alarms = Alarms()
    _ = alarms.raise(Alarms.Alarm(member: 5, kind: .noSpace))
    return .roundTrip("alarms", corpus: [alarms.encode(), Alarms().encode()], decode: { try Alarms($0) }, encode: { $0.encode() })
  }

  /// Nobody makes a token from another.
  private static var simpleTokens: FuzzTarget {
    let token: String = SimpleToken.make(user: "u", generation: 1, key: [1], expires: WallTime(secondsSince1970: 10))
    return FuzzTarget("simple-tokens", corpus: [Bytes(token)], words: [Bytes("."), Bytes("=")]) { input throws(FuzzFinding) in
      let isTaken: Bool = SimpleToken.verify(input.text, key: [1], now: WallTime(secondsSince1970: 1)) != nil
      guard !isTaken || input == Bytes(token) else { throw FuzzFinding("a token that nobody made is taken") }
      return isTaken
    }
  }

  private static var webTokens: FuzzTarget {
    let tokens = JSONWebTokens(secret: Bytes("secret"))
    let token: String = tokens.make(user: "u", revision: 1, now: WallTime(secondsSince1970: 1)) ?? ""
    return FuzzTarget("json-web-tokens", corpus: [Bytes(token)], words: [Bytes("."), Bytes("=")]) { input throws(FuzzFinding) in
      let claims: TokenClaims? = tokens.verify(input.text, now: WallTime(secondsSince1970: 1))
      guard claims == nil || claims?.user == "u" else { throw FuzzFinding("a token for another user is taken") }
      return claims != nil
    }
  }

  private static var signatures: FuzzTarget {
    FuzzTarget("ecdsa-signatures", corpus: [[0x30, 8, 2, 2, 1, 1, 2, 2, 1, 1]]) { input throws(FuzzFinding) in
      _ = ECDSAForm.sequence(input)
      guard let fixed: Bytes = ECDSAForm.fixed(input) else { return false }
      guard let sequence: Bytes = ECDSAForm.sequence(fixed), ECDSAForm.fixed(sequence) == fixed else {
        throw FuzzFinding("a signature does not come back")
      }
      return true
    }
  }
}
