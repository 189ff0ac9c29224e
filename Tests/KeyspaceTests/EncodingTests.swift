import Keyspace
import Primitives
import Testing

@Suite struct EncodingTests {
  private func command(_ random: inout SeededRandom) -> KeyspaceCommand {
    func number(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
    func any() -> Int64 { Int64(bitPattern: random.next()) >> Int64(number(64)) }
    func bytes() -> Bytes { (0..<number(20)).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
    func range() -> KeyRange { KeyRange(key: bytes(), end: number(2) == 0 ? nil : bytes()) }
    func compare() -> Compare {
      let targets: [Compare.Target] = [.version(any()), .create(any()), .mod(any()), .value(bytes()), .lease(any())]
      return Compare(range(), Compare.Relation(rawValue: UInt8(number(4)))!, targets[number(5)])
    }
    func operation(_ depth: Int) -> Operation {
      switch number(depth > 3 ? 3 : 4) {
      case 0:
        var request = RangeRequest(
          range(), revision: any(), limit: any(), serializable: number(2) == 0, keysOnly: number(2) == 0, countOnly: number(2) == 0,
          sortTarget: .init(rawValue: UInt8(number(5)))!, sortOrder: .init(rawValue: UInt8(number(3)))!)
        request.minModRevision = any()
        request.maxCreateRevision = any()
        return .range(request)
      case 1:
        return .put(
          PutRequest(
            key: bytes(), value: bytes(), lease: any(), previous: number(2) == 0, ignoreValue: number(2) == 0, ignoreLease: number(2) == 0))
      case 2: return .delete(DeleteRequest(range(), previous: number(2) == 0))
      default: return .transaction(transaction(depth + 1))
      }
    }
    func transaction(_ depth: Int) -> TransactionRequest {
      TransactionRequest(
        compares: (0..<number(3)).map { _ in compare() }, success: (0..<number(4)).map { _ in operation(depth) },
        failure: (0..<number(3)).map { _ in operation(depth) })
    }
    switch number(8) {
    case 0: return .compact(revision: any())
    case 1: return .grantLease(id: any(), ttlSeconds: any())
    case 2: return .revokeLease(id: any())
    case 3: return .checkpointLeases((0..<number(4)).map { _ in LeaseCheckpoint(id: any(), remainingSeconds: any()) })
    default: return .transaction(transaction(0))
    }
  }

  @Test func `commands come back as they went, and cut or lengthened ones are refused`() throws {
    var random = SeededRandom(seed: 42)
    for _ in 0..<150 {
      let command = command(&random)
      let bytes = command.encode()
      #expect(try KeyspaceCommand.decode(bytes) == command)
      for length in 0..<bytes.count { #expect(code { _ = try KeyspaceCommand.decode(Array(bytes[..<length])) } == .malformed) }
      #expect(code { _ = try KeyspaceCommand.decode(bytes + [0]) } == .malformed)
    }
  }

  @Test func `whatever is accepted encodes to the same bytes`() {
    var random = SeededRandom(seed: 43)
    for _ in 0..<5000 {
      var bytes = command(&random).encode()
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
      }
      if let command = try? KeyspaceCommand.decode(bytes) { #expect(command.encode() == bytes) }
    }
  }

  @Test func `a deep nest is refused, not followed`() {
    var writer = ByteWriter()
    writer.raw([1, 1])
    for _ in 0..<100_000 { writer.raw([0, 1, 4]) }
    #expect(code { _ = try KeyspaceCommand.decode(writer.bytes) } == .malformed)
  }

  @Test func `a damaged snapshot is refused wherever it is damaged`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.grantLease(id: 3, ttlSeconds: 60))
    for value in 0..<20 { try keyspace.run([put("k\(value % 7)", "\(value)", lease: value % 2 == 0 ? 3 : 0)]) }
    try keyspace.run([delete("k1")])
    var encoder = SnapshotEncoder(keyspace)
    var bytes: Bytes = []
    while let frame = try encoder.next() { bytes += frame }
    func decode(_ bytes: Bytes) throws -> Keyspace {
      var decoder = SnapshotDecoder()
      try decoder.consume(bytes)
      return try decoder.finish()
    }
    let copy = try decode(bytes)
    #expect(copy.leaseKeys(3) == keyspace.leaseKeys(3) && copy.leases == [3] && copy.leaseTTL(3) == 60)
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(code { _ = try decode(damaged) } == .malformed)
      #expect(code { _ = try decode(Array(bytes[..<index])) } == .malformed)
    }
  }

  @Test func `a snapshot holds still while the keyspace goes on`() throws {
    var keyspace = Keyspace()
    for value in 0..<3000 { try keyspace.run([put("k\(value)", String(repeating: "v", count: 500))]) }
    let hash = try keyspace.hash()
    var encoder = SnapshotEncoder(keyspace)
    var decoder = SnapshotDecoder()
    var frames = 0
    while let frame = try encoder.next() {
      frames += 1
      try decoder.consume(frame)
      try keyspace.run([put("k\(frames * 100)", "changed"), put("new\(frames)", "")])
    }
    #expect(frames > 3)
    #expect(try decoder.finish().hash() == hash)
  }
}
