import Primitives

/// Survivors of a lost majority became a new cluster here: what they went on with, and what may be lost. Replicated, so that a member that
/// was away learns from any other where its own log and the cluster's part.
public struct Recovery: Hashable, Sendable {
  /// From this index on the log's entries are of this term.
  public struct TermRun: Hashable, Sendable {
    public var term: UInt64
    public var first: UInt64
    public init(term: UInt64, first: UInt64) {
      self.term = term
      self.first = first
    }
  }

  /// Of the cluster that begins here: one more than any that a survivor knew.
  public var epoch: UInt64
  /// The end of the log that the survivors went on with. Everything up to here is kept, committed before or not.
  public var index: UInt64
  public var term: UInt64
  /// The terms of that log's newest entries, ascending; what lies before the first is committed, and the same everywhere.
  public var runs: [TermRun]
  /// The keyspace's revision at `index`.
  public var lastRevision: Int64
  /// The first that is given out here. Whatever was acknowledged with a revision between the two is lost.
  public var firstRevision: Int64
  public var time: WallTime
  /// Who gave the command, from where.
  public var by: String

  public init(
    epoch: UInt64, index: UInt64, term: UInt64, runs: [TermRun], lastRevision: Int64, firstRevision: Int64, time: WallTime, by: String
  ) {
    self.epoch = epoch
    self.index = index
    self.term = term
    self.runs = runs
    self.lastRevision = lastRevision
    self.firstRevision = firstRevision
    self.time = time
    self.by = by
  }

  /// etcd's documentation advises a thousand million: hours of writes at any rate that a lost center may have had.
  public static let revisionJump: Int64 = 1_000_000_000
}

extension Recovery {
  public func encode(to writer: inout ByteWriter) {
    for value in [epoch, index, term] { writer.unsigned(value) }
    writer.count(runs.count)
    for run in runs {
      writer.unsigned(run.term)
      writer.unsigned(run.first)
    }
    writer.signed(lastRevision)
    writer.signed(firstRevision)
    time.encode(to: &writer)
    writer.block(Bytes(by))
  }

  public init(from reader: inout ByteReader) throws(MalformedBytes) {
    let (epoch, index, term): (UInt64, UInt64, UInt64) = (try reader.unsigned(), try reader.unsigned(), try reader.unsigned())
    var runs: [TermRun] = []
    for _ in 0..<(try reader.count(minimumSize: 2)) {
      let run = TermRun(term: try reader.unsigned(), first: try reader.unsigned())
      if let last: TermRun = runs.last, last.first >= run.first || last.term >= run.term { throw reader.malformed("terms out of order") }
      runs.append(run)
    }
    let (last, first): (Int64, Int64) = (try reader.signed(), try reader.signed())
    guard epoch > 0, last >= 1, first > last, first < .max - Self.revisionJump else { throw reader.malformed("impossible recovery") }
    self.init(
      epoch: epoch, index: index, term: term, runs: runs, lastRevision: last, firstRevision: first, time: try WallTime(from: &reader),
      by: try reader.text())
  }
}

extension WallTime {
  func encode(to writer: inout ByteWriter) {
    writer.signed(secondsSince1970)
    writer.signed(Int64(nanoseconds))
  }

  init(from reader: inout ByteReader) throws(MalformedBytes) {
    let (seconds, nanoseconds): (Int64, Int64) = (try reader.signed(), try reader.signed())
    guard (0..<1_000_000_000).contains(nanoseconds) else { throw reader.malformed("impossible time") }
    self.init(secondsSince1970: seconds, nanoseconds: Int32(nanoseconds))
  }
}
