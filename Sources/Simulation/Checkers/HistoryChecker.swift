import Consensus
import Primitives

/// Linearizability (Herlihy and Wing 1990), exactly and in one pass. Every answer names a revision, so it names its own place in
/// the only order that there can be: a write that made revision R stands at 2R, whatever saw revision R without changing it at 2R+1.
/// The history is linearizable if, in that order, every answer is the model's and nothing stands before what was finished
/// before it began. Where a search as in porcupine would look for an order, the answers fix it.
struct HistoryChecker {
  private struct Record {
    var operation: ClientOperation
    /// The highest place of anything that was finished when this began.
    var floor: Int64
    var result: OperationResult?
    var place: Int64 = 0
    var isRefused: Bool = false
  }
  private var records: [UInt64: Record] = [:]
  private var finished: Int64 = 0
  private(set) var model = KeyValueModel()
  private var highestAcknowledged: Int64 = 0

  mutating func onInvoke(_ request: ClientRequest) {
    records[request.id] = Record(operation: request.operation, floor: finished)
  }

  /// An entry is applied for the first time anywhere: now it has happened, whether its client hears of it or not.
  mutating func onCommitted(_ entry: Entry) -> (String?, OperationResult?) {
    guard let id = Wire.requestID(entry.payload), var record = records[id] else {
      return ("entry \(entry.index) holds a request that nobody made", nil)
    }
    if record.result != nil { return ("request \(describe(id)) is in the log twice, the second time at \(entry.index)", nil) }
    if record.isRefused { return ("request \(describe(id)) was refused and is in the log at \(entry.index)", nil) }
    let before: Int64 = model.revision
    let result: OperationResult = model.run(record.operation)
    let place: Int64 = model.revision > before ? 2 * result.revision : 2 * result.revision + 1
    record.result = result
    record.place = place
    records[id] = record
    if place < record.floor {
      return ("request \(describe(id)) takes effect at revision \(result.revision), before something that was finished when it began", nil)
    }
    return (nil, result)
  }

  mutating func onDone(_ request: ClientRequest, _ seen: OperationResult) -> String? {
    guard let record = records[request.id] else { return "an answer to a request that nobody made" }
    var place: Int64 = 2 * seen.revision + 1
    if case .get(let key) = request.operation {
      let expected: KeyValueModel.Version? = model.read(key, at: seen.revision)
      guard seen.revision <= model.revision else {
        return "\(describe(request.id)) was answered from revision \(seen.revision), which does not exist"
      }
      guard expected?.value == seen.value, (expected?.revision ?? 0) == seen.modRevision else {
        return
          "\(describe(request.id)) of key \(key) at revision \(seen.revision) was answered with the version of \(seen.modRevision) instead of \(expected?.revision ?? 0)"
      }
    } else {
      guard let result = record.result else { return "\(describe(request.id)) was acknowledged but nobody has applied it" }
      if case .compact = request.operation { return nil }
      guard result == seen else { return "\(describe(request.id)) was answered with \(seen) instead of \(result)" }
      place = record.place
      highestAcknowledged = max(highestAcknowledged, seen.revision)
    }
    if place < record.floor {
      return
        "\(describe(request.id)) was answered from revision \(seen.revision), older than revision \(record.floor / 2), which was finished before it began"
    }
    finished = max(finished, place)
    return nil
  }

  /// The member said that certainly nothing happened.
  mutating func onRefused(_ request: ClientRequest) -> String? {
    if records[request.id]?.result != nil { return "\(describe(request.id)) was refused although it is in the log" }
    records[request.id]?.isRefused = true
    return nil
  }

  func lostWrites(upTo revision: Int64) -> String? {
    highestAcknowledged <= revision ? nil : "revision \(highestAcknowledged) was acknowledged, but members end at \(revision)"
  }

  private func describe(_ id: UInt64) -> String { "\(id & 0xFFFF_FFFF) of client \((id >> 32) - 1)" }
}
