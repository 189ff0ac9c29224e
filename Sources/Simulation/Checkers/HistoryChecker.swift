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
    var isCitySafe: Bool
    /// Its client knows that it happened.
    var isAcknowledged: Bool = false
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
  /// Survivors of a lost majority went on elsewhere; what is acknowledged here since then is lost.
  private(set) var loss: Loss?
  /// Of the newest entry: who proposed it, and whether a client had asked.
  private(set) var lastOrigin: MemberID?
  private(set) var lastWasAsked: Bool = false

  mutating func onInvoke(_ request: ClientRequest) {
    records[request.id] = Record(operation: request.operation, isCitySafe: request.durability == .citySafe, floor: finished)
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
  /// - Parameter isKept: by survivors, committed before or not: requests of a log that was overtaken elsewhere keep no order in time.
  mutating func onCommitted(_ entry: Entry, now: Int64, isKept: Bool = false) -> (String?, KeyspaceCommand?) {
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
    if record.isRefused, !isKept { return ("request \(describe(id)) was refused and is in the log at \(entry.index)", nil) }
    let before: Int64 = model.revision
    let result: OperationResult = model.run(record.operation)
    let place: Int64 = model.revision > before ? 2 * result.revision : 2 * result.revision + 1
    record.result = result
    record.place = place
    record.entry = Entry(index: entry.index, term: entry.term)
    records[id] = record
    if place < record.floor, !isKept {
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
      records[request.id]?.isAcknowledged = true
      if let loss, let problem = lost(request.id, loss) { return problem }
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

  // MARK: A lost majority

  struct Loss {
    /// Requests that the survivors went on with.
    var kept: Set<UInt64>
    var certificate: RecoveryCertificate
  }

  /// The requests, before any of them happened: for those who go on with a part of the log. `begin` when that is replayed.
  func emptied() -> HistoryChecker {
    var new: HistoryChecker = self
    new.model = KeyValueModel()
    new.calls = LinearizabilityChecker()
    new.loss = nil
    for id in records.keys {
      new.records[id]?.entry = nil
      new.records[id]?.result = nil
      new.records[id]?.isRefused = false
    }
    return new
  }

  mutating func begin() {
    finished = 2 * model.revision
    highestAcknowledged = 0
    lastCitySafe = nil
    for key in 0..<SimulationLimits.plainKeys { calls.begin(key, model.read(key, at: model.revision)?.value) }
  }

  /// Survivors went on with another history: what was acknowledged here is kept there, or has a revision of which the certificate says
  /// that it may be lost; and `citySafe` writes are kept if the city was complete.
  mutating func onLoss(_ new: HistoryChecker, _ certificate: RecoveryCertificate) -> String? {
    let loss = Loss(kept: Set(new.records.filter { $0.value.entry != nil }.keys), certificate: certificate)
    self.loss = loss
    for id in records.keys.sorted() where records[id]?.isAcknowledged ?? false {
      if let problem = lost(id, loss) { return problem }
    }
    return nil
  }

  private func lost(_ id: UInt64, _ loss: Loss) -> String? {
    guard let record = records[id], let result = record.result, record.place == 2 * result.revision, !loss.kept.contains(id) else {
      return nil
    }
    let certificate: RecoveryCertificate = loss.certificate
    let (first, last): (Int64, Int64) = (certificate.firstLostRevision, certificate.lastLostRevision)
    if result.revision < first || result.revision > last {
      return
        "\(describe(id)) was acknowledged at revision \(result.revision) and is lost, while the certificate of epoch \(certificate.epoch) says that \(first) to \(last) may be"
    }
    guard record.isCitySafe, certificate.isCitySafeComplete else { return nil }
    return "\(describe(id)) was acknowledged as city-safe at revision \(result.revision) and is lost, while the city was complete"
  }

  /// Writes of entries, by key and revision. `newestOnly`: those that stand.
  func writes(of entries: [Entry], newestOnly: Bool) -> [KeyValueModel.Event] {
    let terms: [UInt64: UInt64] = Dictionary(uniqueKeysWithValues: entries.map { ($0.index, $0.term) })
    let revisions: Set<Int64> = Set(
      records.values.compactMap { record in
        guard let entry = record.entry, terms[entry.index] == entry.term, let result = record.result, record.place == 2 * result.revision
        else { return nil }
        return result.revision
      })
    var newest: [Int: Int64] = [:]
    for event in model.events { newest[event.key] = event.revision }
    return model.events.filter { event in
      revisions.contains(event.revision) && (!newestOnly || (event.value != nil && newest[event.key] == event.revision))
    }
  }

  private func describe(_ id: UInt64) -> String { "\(id & 0xFFFF_FFFF) of client \((id >> 32) - 1)" }
}
