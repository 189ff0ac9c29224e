import HTTP
import Keyspace
import NIOCore
import Primitives

extension FuzzTarget {
  /// An etcd's database, page by page, without the checksum that would refuse most of it.
  static var boltDatabases: FuzzTarget {
    FuzzTarget(
      "bolt-databases", corpus: [BoltExample.database(pageBytes: 1024)],
      words: ["key", "lease", "meta", "authUsers", "finishedCompactRev"].map { Bytes($0) } + [[0xED, 0x0C, 0xDA, 0xED]]
    ) { input throws(FuzzFinding) in
      guard let file = try? BoltFile(content: input), let database = try? EtcdDatabase(file) else { return false }
      guard database.summary.totalBytes == input.count, database.keyspace.revision >= database.keyspace.compactedRevision else {
        throw FuzzFinding("revision \(database.keyspace.revision) after a compaction of \(database.keyspace.compactedRevision)")
      }
      return true
    }
  }
}

/// A small database as bbolt writes it: two meta pages, a root, the buckets `key` (three versions of two keys), `lease` and `meta`.
enum BoltExample {
  static func database(pageBytes: Int) -> Bytes {
    let versions: [(key: Bytes, value: Bytes)] = [
      (revision(2), version(key: "a", value: "1", created: 2, modified: 2, version: 1)),
      (revision(3), version(key: "b", value: "2", created: 3, modified: 3, version: 1)),
      (revision(4), version(key: "a", value: "3", created: 2, modified: 4, version: 2)),
      (revision(5) + [UInt8(ascii: "t")], message { $0.bytes(1, Bytes("b")) }),
    ]
    let lease: Bytes = message { writer in
      writer.int64(1, 7)
      writer.int64(2, 60)
    }
    let pages: [Bytes] = [
      meta(0, pageBytes, transaction: 3), meta(1, pageBytes, transaction: 4),
      // etcd's small buckets lie inside their parent's value, large ones have pages of their own.
      leaf(
        2, pageBytes,
        [
          (1, Bytes("key"), bucket(3)),
          (1, Bytes("lease"), bucket(0) + inline([(0, be64(7), lease)])),
          (1, Bytes("meta"), bucket(0) + inline([(0, Bytes("finishedCompactRev"), revision(2))])),
        ]),
      branch(3, pageBytes, [(revision(2), 4)]), leaf(4, pageBytes, versions.map { (0, $0.key, $0.value) }),
    ]
    return Bytes(pages.joined())
  }

  private static func le16(_ value: Int) -> Bytes { (0..<2).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  private static func le32(_ value: Int) -> Bytes { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  private static func le64(_ value: UInt64) -> Bytes { (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  private static func be64(_ value: UInt64) -> Bytes { le64(value).reversed() }
  private static func revision(_ main: UInt64) -> Bytes { be64(main) + [UInt8(ascii: "_")] + be64(0) }

  private static func message(_ body: (inout ProtobufWriter) -> Void) -> Bytes {
    var writer = ProtobufWriter()
    body(&writer)
    return Bytes(writer.buffer.readableBytesView)
  }

  private static func version(key: String, value: String, created: Int64, modified: Int64, version: Int64) -> Bytes {
    message { writer in
      writer.bytes(1, Bytes(key))
      writer.int64(2, created)
      writer.int64(3, modified)
      writer.int64(4, version)
      writer.bytes(5, Bytes(value))
    }
  }

  private static func header(_ number: Int, flags: Int, count: Int) -> Bytes { le64(UInt64(number)) + le16(flags) + le16(count) + le32(0) }
  private static func filled(_ page: Bytes, _ size: Int) -> Bytes { page + Bytes(repeating: 0, count: size - page.count) }

  private static func meta(_ number: Int, _ pageBytes: Int, transaction: UInt64) -> Bytes {
    var meta: Bytes = le32(0xED0C_DAED) + le32(2) + le32(pageBytes) + le32(0) + le64(2) + le64(0)
    meta += le64(.max) + le64(5) + le64(transaction)
    var sum: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in meta { sum = (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return filled(header(number, flags: 4, count: 0) + meta + le64(sum), pageBytes)
  }

  private static func bucket(_ page: UInt64) -> Bytes { le64(page) + le64(0) }

  private static func elements(_ pairs: [(flags: Int, key: Bytes, value: Bytes)]) -> Bytes {
    var (heads, content): (Bytes, Bytes) = ([], [])
    for (place, pair) in pairs.enumerated() {
      heads += le32(pair.flags) + le32((pairs.count - place) * 16 + content.count) + le32(pair.key.count) + le32(pair.value.count)
      content += pair.key + pair.value
    }
    return heads + content
  }

  private static func inline(_ pairs: [(flags: Int, key: Bytes, value: Bytes)]) -> Bytes {
    header(0, flags: 2, count: pairs.count) + elements(pairs)
  }

  private static func leaf(_ number: Int, _ pageBytes: Int, _ pairs: [(flags: Int, key: Bytes, value: Bytes)]) -> Bytes {
    filled(header(number, flags: 2, count: pairs.count) + elements(pairs), pageBytes)
  }

  private static func branch(_ number: Int, _ pageBytes: Int, _ children: [(key: Bytes, page: UInt64)]) -> Bytes {
    var (heads, content): (Bytes, Bytes) = ([], [])
    for (place, child) in children.enumerated() {
      heads += le32((children.count - place) * 16 + content.count) + le32(child.key.count) + le64(child.page)
      content += child.key
    }
    return filled(header(number, flags: 1, count: children.count) + heads + content, pageBytes)
  }
}
