import Primitives

extension FuzzTarget {
  /// What the log and snapshots hold for the keyspace.
  public static var keyspace: [FuzzTarget] { [commands, clusterStates, snapshots] }

  private static let record = MemberRecord(
    id: MemberID(7), name: "prod-1", center: "production", city: "east", priority: 3, peerURLs: ["https://10.0.0.1:2380"],
    clientURLs: ["https://10.0.0.1:2379"])

  private static var examples: [KeyspaceCommand] {
    let transaction = TransactionRequest(
      compares: [Compare(Bytes("a"), .less, .mod(7)), Compare(KeyRange(key: [1], end: [2]), .equal, .value([3]))],
      success: [.put(PutRequest(key: [1], value: [2], lease: 3, previous: true)), .range(RangeRequest(.prefix([5]), limit: 3))],
      failure: [.transaction(TransactionRequest(success: [.delete(DeleteRequest(.prefix([9]), previous: true))]))])
    return [
      .transaction(transaction), .put(PutRequest(key: Bytes("a/b"), value: Bytes("value"))), .compact(revision: 5),
      .grantLease(id: 9, ttlSeconds: 60), .revokeLease(id: 9), .checkpointLeases([LeaseCheckpoint(id: 9, remainingSeconds: 5)]),
      .set(name: "auth", version: 2, value: [1, 2]),
      .guarded(SettingGuard(name: "auth", version: 2), .delete(DeleteRequest(KeyRange(key: [1])))),
      .cluster(.adopt([record])), .cluster(.add(record)), .cluster(.remove(MemberID(7))), .cluster(.promote(MemberID(7))),
      .cluster(.setPeerURLs(MemberID(7), ["https://a:1"])), .cluster(.publish(record)), .cluster(.setDurability(DurabilityRules())),
      .cluster(.degrade(city: "west", WallTime(secondsSince1970: 5))), .cluster(.restore(city: "west")),
    ]
  }

  private static var commands: FuzzTarget {
    .roundTrip(
      "keyspace-commands", corpus: examples.map { $0.encode() }, canonical: true, decode: { try KeyspaceCommand.decode($0) },
      encode: { $0.encode() })
  }

  private static var clusterStates: FuzzTarget {
    var state = ClusterState()
    try? state.apply(.adopt([record]), at: 3, revision: 1)
    try? state.apply(.degrade(city: "west", WallTime(secondsSince1970: 5)), at: 4, revision: 1)
    return .roundTrip(
      "cluster-states", corpus: [state.encode(), ClusterState().encode()], decode: { try ClusterState($0) }, encode: { $0.encode() })
  }

  /// The decoder of a stream, and behind it the keyspace that comes of it: it must be usable, and its own snapshot must be the same
  /// keyspace again. Most changes fail at the checksum, which is therefore made right again in half of the inputs.
  private static var snapshots: FuzzTarget {
    var keyspace = Keyspace()
    for (index, command) in examples.enumerated() { _ = keyspace.apply(command, at: UInt64(index + 1)) }
    _ = keyspace.apply(.put(PutRequest(key: Bytes("a/b"), value: Bytes("second"))), at: 100)
    _ = keyspace.apply(.delete(DeleteRequest(KeyRange(key: Bytes("a/b")))), at: 101)
    let corpus: [Bytes] = [stream(Keyspace()), stream(keyspace)]
    return FuzzTarget("keyspace-snapshots", corpus: corpus) { input throws(FuzzFinding) in
      let mended: Bytes = withChecksum(input)
      var isTaken: Bool = false
      for bytes in mended == input ? [input] : [input, mended] {
        guard let whole: Keyspace = decoded([bytes]) else { continue }
        isTaken = true
        var random = SeededRandom(seed: UInt64(bytes.count))
        guard let pieces: Keyspace = decoded(DripFeed.pieces(bytes, &random)) else { throw FuzzFinding("in pieces it is refused") }
        guard stream(pieces) == stream(whole) else { throw FuzzFinding("in pieces it is another keyspace") }
        var used: Keyspace = whole
        _ = used.apply(.put(PutRequest(key: Bytes("a/b"), value: [1])), at: used.appliedIndex &+ 1)
        _ = used.apply(.compact(revision: used.revision), at: used.appliedIndex &+ 1)
        for lease in used.leases.prefix(3) { _ = used.apply(.revokeLease(id: lease), at: used.appliedIndex &+ 1) }
        _ = stream(used)
      }
      return isTaken
    }
  }

  private static func stream(_ keyspace: Keyspace) -> Bytes {
    var encoder = SnapshotEncoder(keyspace)
    var bytes: Bytes = []
    while let frame: Bytes = try? encoder.next() { bytes += frame }
    return bytes
  }

  private static func decoded(_ pieces: [Bytes]) -> Keyspace? {
    var decoder = SnapshotDecoder()
    do throws(KeyspaceError) {
      for piece in pieces { try decoder.consume(piece) }
      return try decoder.finish()
    } catch {
      return nil
    }
  }

  /// A stream of one frame: its length and, in its last four bytes, its checksum as they should be.
  private static func withChecksum(_ input: Bytes) -> Bytes {
    // The last item is kind 5, two counts of a byte each in small streams, and the checksum.
    guard input.count > 16 else { return input }
    var bytes: Bytes = input
    let end: Int = bytes.count
    let checksum: UInt32 = CRC32C.checksum(Bytes(bytes[4..<(end - 7)]))
    for place in 0..<4 {
      bytes[place] = UInt8(truncatingIfNeeded: (end - 4) >> (8 * place))
      bytes[end - 4 + place] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * place))
    }
    return bytes
  }
}
