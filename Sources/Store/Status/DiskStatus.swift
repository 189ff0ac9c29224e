import Journal
import Primitives

/// How a member's disk does.
public struct DiskStatus: Sendable, Hashable {
  /// For how long the disk has not finished what it was given, once that is longer than `StoreConfiguration.diskStallLimit`; 0 before.
  public var stalledSeconds: Double = 0
  /// For how long there has been no space for the next segment or a snapshot; 0 while there is.
  public var fullSeconds: Double = 0
  /// Writes wait for space.
  public var waitsForSpace: Bool = false
  /// The longest group commit since the start.
  public var longestSyncSeconds: Double = 0

  init() {}

  init(_ health: JournalHealth, now: MonotonicTime, limit: Duration) {
    func seconds(_ since: MonotonicTime?) -> Double { since.map { Double((now - $0).inNanoseconds) / 1e9 } ?? 0 }
    stalledSeconds = seconds(health.stalledSince(now: now, limit: limit))
    fullSeconds = seconds(health.fullSince)
    waitsForSpace = health.waitsForSpace
    longestSyncSeconds = Double(health.longestSync.inNanoseconds) / 1e9
  }

  /// nil when well, otherwise what is wrong and what to do.
  public func problem(_ directory: String) -> String? {
    if fullSeconds > 0 {
      return "the disk of \(directory) has been full for \(Int(fullSeconds)) s\(waitsForSpace ? " and writes wait" : ""): "
        + "free space; the member goes on by itself"
    }
    if stalledSeconds > 0 {
      return "the disk of \(directory) has not finished a write for \(Int(stalledSeconds * 1000)) ms: check it and its neighbours' load"
    }
    return nil
  }
}
