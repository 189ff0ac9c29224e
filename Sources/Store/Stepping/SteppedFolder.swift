import Journal
import Keyspace
import Primitives

/// What a person's orders, and the word of a newer epoch, do to the folder of a stepped member between two of its lives: what `Store` does
/// on a thread of its own. All of it blocks on the disk and can be cut short at any operation.
public enum SteppedFolder {
  /// The survivor keeps its log and listens to nobody but the new cluster.
  public static func follow(_ plan: RecoveryPlan, time: WallTime, by: String, _ disk: any Disk) throws {
    try Founding.follow(plan.epoch, mark: FoundingOrder(plan, time: time, by: by).mark, disk)
  }

  /// The successor's log becomes that of a new cluster. The order travels as it does over the link.
  public static func found(
    _ plan: RecoveryPlan, time: WallTime, by: String, _ configuration: StoreConfiguration, _ disk: any Disk
  ) throws -> Recovery {
    var writer = ByteWriter()
    FoundingOrder(plan, time: time, by: by).encode(to: &writer)
    var reader = ByteReader(writer.take())
    return try Founding.carryOut(try FoundingOrder(from: &reader), configuration, disk)
  }

  /// The member puts aside what it has, and begins anew in the epoch that the proof tells of. nil: it knows of that already.
  public static func rejoin(
    _ proof: [UInt8], _ configuration: StoreConfiguration, _ disk: any Disk, defects: StoreDefects = []
  ) throws -> (file: String, fork: Recovery)? {
    guard let result = try Rejoining.carryOut(try Recovery.list(proof), configuration, disk) else { return nil }
    #if DEBUG
      if defects.contains(.rejoinsWithItsLog) { try EpochRecord(epoch: try epoch(disk), mark: 0, isRejoined: true).write(disk) }
    #endif
    return (result.file, result.recovery)
  }

  public static func epoch(_ disk: any Disk) throws -> UInt64 { try EpochRecord.read(disk).epoch }

  /// As a report travels over the link.
  public static func carried(_ report: SurvivorReport) throws -> SurvivorReport { try SurvivorReport(report.encode()) }
}
