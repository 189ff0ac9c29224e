import Consensus
import Journal
import Primitives
import Store

/// What each member's log must be, as far as it was handed to the journal and as far as it is on disk.
struct LogChecker {
  /// Terms of entries behind `base`.
  struct Shadow {
    var base: UInt64 = 0
    var baseTerm: UInt64 = 0
    var terms: [UInt64] = []

    var lastIndex: UInt64 { base + UInt64(terms.count) }
    func term(at index: UInt64) -> UInt64? {
      if index == base { return baseTerm }
      guard index > base, index <= lastIndex else { return nil }
      return terms[Int(index - base - 1)]
    }
    mutating func put(_ index: UInt64, _ term: UInt64) {
      guard index > base, index <= lastIndex + 1 else { return }
      terms.removeLast(Int(lastIndex + 1 - index))
      terms.append(term)
    }
    mutating func reset(_ index: UInt64, _ term: UInt64) { self = Shadow(base: index, baseTerm: term) }
  }
  private struct Place: Hashable {
    var index: UInt64
    var term: UInt64
  }
  private struct Content: Equatable {
    var previousTerm: UInt64?
    var kind: UInt8
    var payload: Bytes
  }
  /// One host.
  private struct Known {
    var handedOut = Shadow()
    var durable = Shadow()
    var state = HardState()
    var snapshot: UInt64 = 0
    /// From here on its disk may hold more than is known: a write was cut short by a crash.
    var uncertainFrom: UInt64 = .max
    /// What it had acknowledged before its log was found damaged, until that is repaired: it votes for nobody who may lack that.
    var promised: Shadow?

    func holds(_ index: UInt64, _ term: UInt64) -> Bool {
      snapshot >= index || (durable.base >= index && index > 0) || durable.term(at: index) == term
    }
  }
  private var hosts = [Known](repeating: Known(), count: Layout.hostCount)
  private var contents: [Place: Content] = [:]

  mutating func forget(_ host: Int) { hosts[host] = Known() }

  /// A host comes over from another epoch of the cluster, its log with it.
  mutating func adopt(_ host: Int, _ other: LogChecker) { hosts[host] = other.hosts[host] }

  /// A new cluster begins in the term after this one; what the old one wrote since is no concern of it.
  mutating func forgetContents(after term: UInt64) { contents = contents.filter { $0.key.term <= term } }

  /// What was written into a log behind the back of its journal.
  mutating func onFounded(_ host: Int, _ entry: Entry, previousTerm: UInt64) {
    contents[Place(index: entry.index, term: entry.term)] = Content(
      previousTerm: previousTerm, kind: entry.kind.rawValue, payload: entry.payload)
  }

  /// A host's log up to an index: what was applied somewhere as far as that is the same, its own behind that.
  func log(_ host: Int, upTo end: UInt64, _ states: StateChecker) -> [Entry]? {
    let shadow: Shadow = hosts[host].handedOut
    var kept: [Entry] = []
    var isSame: Bool = true
    for index in stride(from: 1, through: end, by: 1) {
      if isSame, let entry = states.entry(at: index), index <= shadow.base || shadow.term(at: index) == entry.term {
        kept.append(entry)
        continue
      }
      isSame = false
      guard let term = shadow.term(at: index), let content = contents[Place(index: index, term: term)],
        let kind = Entry.Kind(rawValue: content.kind)
      else { return nil }
      kept.append(Entry(index: index, term: term, kind: kind, payload: content.payload))
    }
    return kept
  }

  /// What a host's log has on disk that those who went on have not.
  func divergence(_ host: Int, _ kept: [Entry]) -> (entries: [Entry], isCompacted: Bool) {
    let shadow: Shadow = hosts[host].durable
    var index: UInt64 = min(shadow.lastIndex, UInt64(kept.count))
    while index > shadow.base, shadow.term(at: index) != kept[Int(index) - 1].term { index -= 1 }
    guard shadow.lastIndex > index else { return ([], false) }
    let isCompacted: Bool = max(shadow.base, hosts[host].snapshot) > UInt64(kept.count)
    return (
      ((index + 1)...shadow.lastIndex).compactMap { place in shadow.term(at: place).map { Entry(index: place, term: $0) } }, isCompacted
    )
  }

  /// Log matching (Raft paper, figure 3), by induction: one index and term have one content and one predecessor everywhere.
  mutating func onHandedOver(_ host: Int, _ batch: JournalBatch) -> String? {
    if let place = batch.startBehind { hosts[host].handedOut.reset(place.index, place.term) }
    for entry in batch.entries {
      guard let previous: UInt64 = hosts[host].handedOut.term(at: entry.index - 1) else {
        return "\(Layout.names[host]) writes entry \(entry.index) behind a gap"
      }
      let place = Place(index: entry.index, term: entry.term)
      let content = Content(previousTerm: previous, kind: entry.kind, payload: entry.payload)
      if let other = contents[place] {
        if other != content {
          return "\(Layout.names[host]) has another entry \(entry.index) of term \(entry.term) than others: \(content) against \(other)"
        }
      } else {
        contents[place] = content
      }
      hosts[host].handedOut.put(entry.index, entry.term)
    }
    return nil
  }

  mutating func onDurable(_ host: Int, _ batch: JournalBatch) -> String? {
    let old: HardState = hosts[host].state
    if let place = batch.startBehind { hosts[host].durable.reset(place.index, place.term) }
    for entry in batch.entries { hosts[host].durable.put(entry.index, entry.term) }
    if let bytes = batch.hardState, let state = try? HardState.decode(bytes) { hosts[host].state = state }
    guard hosts[host].promised != nil, let vote = hosts[host].state.vote, vote != old.vote || hosts[host].state.term != old.term else {
      return nil
    }
    return "\(Layout.names[host]) votes for \(vote) in term \(hosts[host].state.term) before its log is repaired"
  }

  func isRepairing(_ host: Int) -> Bool { hosts[host].promised != nil }

  /// The member says that its log is whole again: what it had acknowledged and is committed is there.
  mutating func onRepaired(_ host: Int, _ states: StateChecker) -> String? {
    guard let promised = hosts[host].promised else { return "\(Layout.names[host]) repaired a log that was whole" }
    hosts[host].promised = nil
    guard promised.lastIndex > promised.base else { return nil }
    for index in (promised.base + 1)...promised.lastIndex {
      guard let entry = states.entry(at: index), promised.term(at: index) == entry.term, !hosts[host].holds(index, entry.term) else {
        continue
      }
      return
        "\(Layout.names[host]) votes again without entry \(index) of term \(entry.term), which it had acknowledged and which is committed"
    }
    return nil
  }

  mutating func onSnapshotDurable(_ host: Int, _ index: UInt64) { hosts[host].snapshot = max(hosts[host].snapshot, index) }

  mutating func onCrash(_ host: Int, writing: [JournalBatch]) {
    hosts[host].uncertainFrom = .max
    for batch in writing {
      if let first = batch.entries.first { hosts[host].uncertainFrom = min(hosts[host].uncertainFrom, first.index) }
      if let place = batch.startBehind { hosts[host].uncertainFrom = min(hosts[host].uncertainFrom, place.index) }
    }
  }

  enum Start {
    case whole
    /// What a bad disk may cost without anybody seeing it: everything from some point on.
    case lacksTail
    case broken(String)
  }

  /// What was durable before the crash is there after it.
  mutating func onStart(_ host: Int, _ member: SteppedMember, isDamaged: Bool) -> Start {
    let (name, old): (String, Known) = (Layout.names[host], hosts[host])
    let (status, base): (RaftStatus, LogPosition) = (member.raft, member.logSummary.base)
    var found = Shadow(base: base.index, baseTerm: base.term)
    if status.lastIndex > status.snapshotIndex {
      for index in (status.snapshotIndex + 1)...status.lastIndex {
        guard let entry: Entry = member.entry(at: index) else { return .broken("\(name) starts with a log that lacks entry \(index)") }
        found.put(index, entry.term)
        guard let known = contents[Place(index: index, term: entry.term)], known.payload == entry.payload else {
          return .broken("\(name) read an entry \(index) of term \(entry.term) from its disk that nobody wrote")
        }
      }
    }
    var problem: String?
    if status.term < old.state.term || (status.term == old.state.term && old.state.vote != nil && status.vote != old.state.vote) {
      problem = "\(name) forgot term \(old.state.term) and its vote in a crash, although they were durable"
    }
    let isRepairing: Bool = member.isRepairing && (isDamaged || old.promised != nil)
    if problem != nil, isRepairing { return .broken(problem ?? "") }
    if !isRepairing, found.lastIndex < old.snapshot { problem = "\(name) forgot snapshot \(old.snapshot), although it was durable" }
    if !isRepairing, old.durable.lastIndex > old.durable.base {
      for index in (old.durable.base + 1)...old.durable.lastIndex where index > status.snapshotIndex && index < old.uncertainFrom {
        let (was, now): (UInt64?, UInt64?) = (old.durable.term(at: index), found.term(at: index))
        if was != now { problem = "\(name) forgot entry \(index) of term \(was ?? 0) in a crash, although it was durable" }
      }
    }
    if let problem { return isDamaged ? .lacksTail : .broken(problem) }
    hosts[host].durable = found
    hosts[host].handedOut = found
    hosts[host].state = HardState(term: status.term, vote: status.vote)
    hosts[host].snapshot = status.snapshotIndex
    hosts[host].uncertainFrom = .max
    hosts[host].promised = isRepairing ? old.promised ?? old.durable : nil
    return .whole
  }

  /// Hosts that have the entry on disk, or in a snapshot.
  func holders(of entry: Entry) -> Holders {
    var holders = Holders()
    for host in hosts.indices {
      let isPromised: Bool = hosts[host].promised.map { $0.base >= entry.index || $0.term(at: entry.index) == entry.term } ?? false
      if isPromised || hosts[host].holds(entry.index, entry.term) { holders.bits |= 1 << UInt16(host) }
    }
    return holders
  }

  /// The first entry of a term in a member's log from an index on.
  func first(of term: UInt64, from index: UInt64, _ host: Int) -> Entry? {
    var place: UInt64 = index
    while let found = hosts[host].handedOut.term(at: place) {
      if found == term { return Entry(index: place, term: term) }
      place += 1
    }
    return nil
  }

  func has(_ host: Int, _ entry: Entry) -> Bool {
    hosts[host].handedOut.base >= entry.index || hosts[host].handedOut.term(at: entry.index) == entry.term
  }

  /// It is on the host's disk.
  func holds(_ host: Int, _ entry: Entry) -> Bool { hosts[host].durable.term(at: entry.index) == entry.term }

  func hasAnything(_ host: Int) -> Bool { hosts[host].durable.lastIndex > 0 || hosts[host].snapshot > 0 }
}
