import Consensus
import Keyspace
import Primitives

/// Applies log entries away from a running member, and tells what each of them wrote.
struct LogReplay {
  private(set) var keyspace: Keyspace

  init(_ keyspace: Keyspace) { self.keyspace = keyspace }

  /// Returns what the entry modified, in order.
  @discardableResult
  mutating func apply(_ entry: Entry) throws -> [Event] {
    guard entry.index > keyspace.appliedIndex else { return [] }
    let before: Int64 = keyspace.revision
    switch entry.kind {
    case .empty: keyspace.advance(to: entry.index)
    case .data: _ = keyspace.apply(try LogPayload.command(try LogPayload.head(entry.payload).rest), at: entry.index)
    case .membership:
      let (_, attachment): (Membership, Bytes) = try Membership.decodeAttached(entry.payload)
      if attachment.isEmpty {
        keyspace.advance(to: entry.index)
      } else {
        _ = keyspace.apply(try KeyspaceCommand.decode(attachment), at: entry.index)
      }
    }
    guard keyspace.revision > before, keyspace.compactedRevision <= before + 1 else { return [] }
    return try Self.events(keyspace, from: before + 1)
  }

  /// Everything that is still known to have been modified from a revision on, oldest first.
  static func events(_ keyspace: Keyspace, from revision: Int64) throws -> [Event] {
    var events: [Event] = []
    var position = WatchPosition(revision: max(revision, keyspace.compactedRevision))
    let request = WatchRequest(KeyRange(key: [0], end: [0]))
    while position.revision <= keyspace.revision {
      let (batch, next): (WatchBatch, WatchPosition) = try keyspace.events(for: request, from: position, limit: 10_000)
      events += batch.events
      position = next
    }
    return events
  }
}

/// Writes by the beginning of their keys: up to the second slash behind the first character (`/registry/pods/`), or up to the only one.
public struct PrefixCounts: Hashable, Sendable {
  public private(set) var counts: [String: Int] = [:]

  public init() {}

  public mutating func add(_ key: Bytes, _ count: Int = 1) { add(Self.prefix(of: key), count) }

  mutating func add(_ prefix: String, _ count: Int) {
    let isKnown: Bool = counts[prefix] != nil || counts.count < StoreLimits.countedPrefixes
    // What a member says of itself is not to be trusted: sums end at the largest number.
    counts[isKnown ? prefix : "(others)", default: 0].saturate(adding: count)
  }

  public var total: Int { counts.values.reduce(into: 0) { $0.saturate(adding: $1) } }
  public var sorted: [(prefix: String, count: Int)] {
    counts.map { (prefix: $0.key, count: $0.value) }.sorted { ($1.count, $0.prefix) < ($0.count, $1.prefix) }
  }

  static func prefix(of key: Bytes) -> String {
    let slash = UInt8(ascii: "/")
    guard let first: Int = key.dropFirst().firstIndex(of: slash) else { return "(no prefix)" }
    let end: Int = key[0] == slash ? key[(first + 1)...].firstIndex(of: slash) ?? first : first
    return String(decoding: key[...min(end, 127)], as: UTF8.self)
  }

  func encode(to writer: inout ByteWriter) {
    writer.count(counts.count)
    for (prefix, count) in sorted {
      writer.block(Bytes(prefix))
      writer.count(count)
    }
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    for _ in 0..<(try reader.count(minimumSize: 2)) {
      let prefix: Bytes = try reader.block()
      add(prefix.text, Int(clamping: try reader.unsigned()))
    }
  }
}

extension Int {
  fileprivate mutating func saturate(adding count: Int) {
    let (sum, overflow): (Int, Bool) = addingReportingOverflow(count)
    self = overflow ? .max : sum
  }
}
