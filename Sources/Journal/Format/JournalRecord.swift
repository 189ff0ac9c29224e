import Primitives

/// One entry of the log. The journal looks at index and term only.
public struct JournalEntry: Hashable, Sendable {
  public var index: UInt64
  public var term: UInt64
  /// The caller's own.
  public var kind: UInt8
  public var payload: Bytes
  public init(index: UInt64, term: UInt64, kind: UInt8 = 0, payload: Bytes) {
    self.index = index
    self.term = term
    self.kind = kind
    self.payload = payload
  }

  /// At most this many bytes when written.
  var encodedBytes: Int { payload.count + 32 }
}

/// What becomes durable together with whatever is queued at the same time.
public struct JournalBatch: Sendable {
  /// The log starts anew behind this entry (a snapshot received from the leader, already saved): what came before is forgotten.
  public var startBehind: LogPlace?
  /// Contiguous. They replace everything from `entries[0].index` on.
  public var entries: [JournalEntry]
  /// The caller's term and vote, opaque here; the last one written is read back. At most `JournalLimits.hardStateBytes`.
  public var hardState: Bytes?
  /// The hard state says something new that others will rely on (a term, a vote): it is written to a second place as well, so that no
  /// single damage can lose it (`Marks`).
  public var isPromise: Bool
  /// The log is whole again: what was lost to damage has come from the other members.
  public var isRepaired: Bool

  public init(
    startBehind: LogPlace? = nil, entries: [JournalEntry] = [], hardState: Bytes? = nil, isPromise: Bool = false, isRepaired: Bool = false
  ) {
    self.startBehind = startBehind
    self.entries = entries
    self.hardState = hardState
    self.isPromise = isPromise
    self.isRepaired = isRepaired
  }
  public var isEmpty: Bool { startBehind == nil && entries.isEmpty && hardState == nil && !isRepaired }
}

/// A place in the log.
public struct LogPlace: Hashable, Sendable {
  public var index: UInt64
  public var term: UInt64
  public init(index: UInt64, term: UInt64) {
    self.index = index
    self.term = term
  }
}

/// A batch's payload on disk: records one after the other.
enum JournalRecord {
  case entry(JournalEntry)
  case hardState(Bytes)
  case startBehind(LogPlace)
  /// true: part of the log was lost, the member is being repaired. false: it is whole again.
  case repair(Bool)

  func encode(to writer: inout ByteWriter) {
    switch self {
    case .entry(let entry):
      writer.byte(1)
      writer.unsigned(entry.index)
      writer.unsigned(entry.term)
      writer.byte(entry.kind)
      writer.block(entry.payload)
    case .hardState(let bytes):
      writer.byte(2)
      writer.block(bytes)
    case .startBehind(let place):
      writer.byte(3)
      writer.unsigned(place.index)
      writer.unsigned(place.term)
    case .repair(let isUnderWay):
      writer.byte(4)
      writer.byte(isUnderWay ? 1 : 0)
    }
  }

  static func decode(_ payload: Bytes) throws(MalformedBytes) -> [JournalRecord] {
    var reader = ByteReader(payload)
    var records: [JournalRecord] = []
    while !reader.isAtEnd {
      switch try reader.byte() {
      case 1:
        records.append(
          .entry(
            JournalEntry(
              index: try reader.unsigned(), term: try reader.unsigned(), kind: try reader.byte(), payload: try reader.block())))
      case 2: records.append(.hardState(try reader.block()))
      case 3: records.append(.startBehind(LogPlace(index: try reader.unsigned(), term: try reader.unsigned())))
      case 4:
        let isUnderWay: UInt8 = try reader.byte()
        guard isUnderWay < 2 else { throw reader.malformed("a repair that is neither under way nor over") }
        records.append(.repair(isUnderWay == 1))
      case let kind: throw reader.malformed("unknown kind of record \(kind): written by a newer version")
      }
    }
    return records
  }
}
