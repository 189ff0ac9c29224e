import Consensus
import Keyspace
import Primitives
import Store

/// Linearizability of what clients were told, in one pass: each answer names a revision, and so its place in the only possible order.
/// Requests that were refused are not in the log, and none is there twice. `LinearizabilityChecker` asks the same without believing in
/// revisions.
struct HistoryChecker {
  private struct Record {
    var operation: ClientOperation
    /// The highest place of anything that was finished when this began.
    var floor: Int64
    var result: OperationResult?
    var place: Int64 = 0
    var isRefused: Bool = false
    var entry: Entry?
  }
  private struct Origin: Hashable {
    var member: MemberID
    var number: UInt64
  }
  private var records: [UInt64: Record] = [:]
  private var requests: [Origin: UInt64] = [:]
  private var finished: Int64 = 0
  private(set) var model = KeyValueModel()
  private var highestAcknowledged: Int64 = 0
  /// The last entry that a client knows to be in every city.
  private(set) var lastCitySafe: UInt64?
  var calls = LinearizabilityChecker()
  /// Of the newest entry: who proposed it, and whether a client had asked.
  private(set) var lastOrigin: MemberID?
  private(set) var lastWasAsked: Bool = false

  mutating func onInvoke(_ request: ClientRequest) {
    records[request.id] = Record(operation: request.operation, floor: finished)
    calls.onCall(request)
  }

  /// The member that took a request names it so in the log.
  mutating func onSubmitted(_ request: UInt64, origin: MemberID, number: UInt64) {
    requests[Origin(member: origin, number: number)] = request
  }

  /// Where a request's entry stands.
  func entry(of request: UInt64) -> Entry? { records[request]?.entry }

  /// An entry is applied for the first time anywhere: now it has happened, whether its client hears of it or not. Returns its command,
  /// if it has one.
  mutating func onCommitted(_ entry: Entry, now: Int64) -> (String?, KeyspaceCommand?) {
    lastOrigin = nil
    lastWasAsked = false
    switch entry.kind {
    case .empty: return (nil, nil)
    case .membership:
      guard let (_, attachment): (Membership, Bytes) = try? Membership.decodeAttached(entry.payload) else {
        return ("entry \(entry.index) holds no membership", nil)
      }
      guard !attachment.isEmpty, let command = try? KeyspaceCommand.decode(attachment) else { return (nil, nil) }
      model.run(command, now: now)
      return (nil, command)
    case .data: break
    }
    guard let (origin, number, command): (MemberID, UInt64, KeyspaceCommand) = SteppedMember.read(entry.payload) else {
      return ("entry \(entry.index) cannot be read", nil)
    }
    lastOrigin = origin
    guard let id = requests[Origin(member: origin, number: number)], var record = records[id] else {
      switch command {
      case .revokeLease, .checkpointLeases, .cluster:
        model.run(command, now: now)
        return (nil, command)
      default: return ("entry \(entry.index) holds a request that nobody made", nil)
      }
    }
    lastWasAsked = true
    if record.entry != nil { return ("request \(describe(id)) is in the log twice, the second time at \(entry.index)", nil) }
    if record.isRefused { return ("request \(describe(id)) was refused and is in the log at \(entry.index)", nil) }
    let before: Int64 = model.revision
    let result: OperationResult = model.run(record.operation)
    let place: Int64 = model.revision > before ? 2 * result.revision : 2 * result.revision + 1
    record.result = result
    record.place = place
    record.entry = Entry(index: entry.index, term: entry.term)
    records[id] = record
    if place < record.floor {
      return ("request \(describe(id)) takes effect at revision \(result.revision), before something that was finished when it began", nil)
    }
    return (nil, command)
  }

  mutating func onDone(_ request: ClientRequest, _ seen: OperationResult, now: Int64) -> String? {
    calls.onReturn(request, seen)
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
    } else if case .keepAlive = request.operation {
      return nil
    } else {
      guard let result = record.result else { return "\(describe(request.id)) was acknowledged but nobody has applied it" }
      guard result.succeeded == seen.succeeded else { return "\(describe(request.id)) was answered with \(seen) instead of \(result)" }
      if case .compact = request.operation { return nil }
      guard result == seen || !result.succeeded && result.value == seen.value && result.modRevision == seen.modRevision else {
        return "\(describe(request.id)) was answered with \(seen) instead of \(result)"
      }
      place = record.place
      highestAcknowledged = max(highestAcknowledged, result.revision)
      if request.durability == .citySafe, result.succeeded, let entry = record.entry { lastCitySafe = max(lastCitySafe ?? 0, entry.index) }
    }
    if place < record.floor {
      return
        "\(describe(request.id)) was answered from revision \(seen.revision), older than revision \(record.floor / 2), which was finished before it began"
    }
    finished = max(finished, place)
    return nil
  }

  /// The client hears no more of it.
  mutating func onGivenUp(_ request: ClientRequest, isRefused: Bool) { calls.onGivenUp(request, isRefused: isRefused) }

  /// The member said that certainly nothing happened.
  mutating func onRefused(_ request: ClientRequest) -> String? {
    if records[request.id]?.entry != nil { return "\(describe(request.id)) was refused although it is in the log" }
    records[request.id]?.isRefused = true
    return nil
  }

  func lostWrites(upTo revision: Int64) -> String? {
    highestAcknowledged <= revision ? nil : "revision \(highestAcknowledged) was acknowledged, but members end at \(revision)"
  }

  private func describe(_ id: UInt64) -> String { "\(id & 0xFFFF_FFFF) of client \((id >> 32) - 1)" }
}
