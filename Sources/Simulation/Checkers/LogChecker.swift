import Consensus
import Journal
import Primitives

/// What each member's log must be, as far as it was handed out and as far as it is on disk.
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
    var kind: Entry.Kind
    var payload: Bytes
  }

  private var handedOut = [Shadow](repeating: Shadow(), count: SimulationLimits.memberCount)
  private var durable = [Shadow](repeating: Shadow(), count: SimulationLimits.memberCount)
  private var durableState = [HardState](repeating: HardState(), count: SimulationLimits.memberCount)
  private var snapshots = [UInt64](repeating: 0, count: SimulationLimits.memberCount)
  /// From here on a member's disk may hold more than is known: a write was cut short by a crash.
  private var uncertainFrom = [UInt64](repeating: .max, count: SimulationLimits.memberCount)
  private var contents: [Place: Content] = [:]

  /// Log matching (Raft paper, figure 3), by induction: one index and term have one content and one predecessor everywhere.
  mutating func onOutput(_ member: Int, _ output: RaftOutput) -> String? {
    if let metadata = output.snapshot { handedOut[member].reset(metadata.index, metadata.term) }
    for entry in output.entries {
      let previous: UInt64? = handedOut[member].term(at: entry.index - 1)
      guard let previous else { return "\(Layout.names[member]) writes entry \(entry.index) behind a gap" }
      let place = Place(index: entry.index, term: entry.term)
      let content = Content(previousTerm: previous, kind: entry.kind, payload: entry.payload)
      if let other = contents[place], other != content {
        return "\(Layout.names[member]) has another entry \(entry.index) of term \(entry.term) than others: \(content) against \(other)"
      }
      contents[place] = content
      handedOut[member].put(entry.index, entry.term)
    }
    return nil
  }

  mutating func onDurable(_ member: Int, _ batch: JournalBatch) {
    if let place = batch.startBehind { durable[member].reset(place.index, place.term) }
    for entry in batch.entries { durable[member].put(entry.index, entry.term) }
    if let bytes = batch.hardState, let state = try? HardState.decode(bytes) { durableState[member] = state }
  }

  mutating func onSnapshotDurable(_ member: Int, _ metadata: SnapshotMetadata) {
    snapshots[member] = max(snapshots[member], metadata.index)
  }

  mutating func onCrash(_ member: Int, writing: [Member.DiskQueue.Work]) {
    uncertainFrom[member] = .max
    for work in writing {
      guard case .append(let batch, _) = work else { continue }
      if let first = batch.entries.first { uncertainFrom[member] = min(uncertainFrom[member], first.index) }
      if let place = batch.startBehind { uncertainFrom[member] = min(uncertainFrom[member], place.index) }
    }
  }

  /// What was durable before the crash is there after it.
  mutating func onStart(_ member: Int, _ restored: RestoredState) -> String? {
    let snapshot: UInt64 = restored.snapshot?.index ?? 0
    let known: HardState = durableState[member]
    guard
      restored.hardState.term > known.term
        || (restored.hardState.term == known.term && (known.vote == nil || restored.hardState.vote == known.vote))
    else { return "\(Layout.names[member]) forgot term \(known.term) and its vote in a crash, although they were durable" }
    guard snapshot >= snapshots[member] else {
      return "\(Layout.names[member]) forgot snapshot \(snapshots[member]), although it was durable"
    }
    var found = Shadow(base: snapshot, baseTerm: restored.snapshot?.term ?? 0)
    for entry in restored.entries where entry.index > snapshot { found.put(entry.index, entry.term) }
    let old: Shadow = durable[member]
    if old.lastIndex > old.base {
      for index in (old.base + 1)...old.lastIndex where index > snapshot && index < uncertainFrom[member] {
        if found.term(at: index) != old.term(at: index) {
          return "\(Layout.names[member]) forgot entry \(index) of term \(old.term(at: index) ?? 0) in a crash, although it was durable"
        }
      }
    }
    durable[member] = found
    handedOut[member] = found
    durableState[member] = restored.hardState
    snapshots[member] = snapshot
    uncertainFrom[member] = .max
    return nil
  }

  /// Members that have the entry on disk, or in a snapshot.
  func holders(of entry: Entry) -> [Int] {
    durable.indices.filter { member in
      snapshots[member] >= entry.index || durable[member].base >= entry.index || durable[member].term(at: entry.index) == entry.term
    }
  }

  /// The first entry of a term in a member's log from an index on.
  func first(of term: UInt64, from index: UInt64, _ member: Int) -> Entry? {
    var place: UInt64 = index
    while let found = handedOut[member].term(at: place) {
      if found == term { return Entry(index: place, term: term) }
      place += 1
    }
    return nil
  }

  func has(_ member: Int, _ entry: Entry) -> Bool {
    handedOut[member].base >= entry.index || handedOut[member].term(at: entry.index) == entry.term
  }
}
