import Consensus
import Keyspace
import Primitives

/// State-machine safety: every member applies the same entries in the same order and comes to the same results.
struct StateChecker {
  /// The log as first seen applied, from index 1.
  private var entries: [Entry] = []
  /// For each, a term in or before which it was committed: that of the member that applied it first.
  private var terms: [UInt64] = []
  /// The model's revision after each entry.
  private var revisions: [Int64] = []
  private var applied = [UInt64](repeating: 0, count: Layout.hostCount)

  var lastIndex: UInt64 { UInt64(entries.count) }

  func entry(at index: UInt64) -> Entry? { index > 0 && index <= lastIndex ? entries[Int(index) - 1] : nil }

  /// nil: they are not known.
  func entries(upTo index: UInt64) -> [Entry]? { index <= lastIndex ? Array(entries[..<Int(index)]) : nil }

  /// The last entry that was committed before `term`. The entry's own term may be older than the one that it was committed in.
  func lastEntry(committedBefore term: UInt64) -> Entry? { terms.lastIndex { $0 < term }.map { entries[$0] } }

  mutating func onStart(_ member: Int, applied index: UInt64) { applied[member] = index }

  mutating func onApply(_ member: Int, _ entry: Entry, term: UInt64) -> String? {
    let name: String = Layout.names[member]
    guard entry.index == applied[member] + 1 else { return "\(name) applies entry \(entry.index) after \(applied[member])" }
    applied[member] = entry.index
    guard entry.index <= lastIndex else {
      guard entry.index == lastIndex + 1 else { return "\(name) applies entry \(entry.index), nobody applied \(lastIndex + 1) before" }
      entries.append(entry)
      terms.append(term)
      return nil
    }
    let known: Entry = entries[Int(entry.index) - 1]
    guard known.term == entry.term, known == entry else {
      return "\(name) applies another entry \(entry.index) than others did: term \(entry.term) against \(known.term)"
    }
    return nil
  }

  /// What the model makes of the newest entry.
  mutating func note(revision: Int64) { revisions.append(revision) }

  /// What is left where survivors went on with these entries; `revisions` behind each.
  func recovered(_ kept: [Entry], _ revisions: [Int64]) -> StateChecker {
    var new = StateChecker()
    new.entries = kept
    new.terms = kept.indices.map { $0 < terms.count && entries[$0] == kept[$0] ? terms[$0] : kept[$0].term }
    new.revisions = revisions
    return new
  }

  func lastApplied(by member: Int) -> Entry? { entry(at: applied[member]) }

  mutating func keepApplied(of other: StateChecker) { applied = other.applied }

  /// A member is where the model is behind the same entry.
  func compare(_ member: Int, _ keyspace: Keyspace) -> String? {
    let index: UInt64 = keyspace.appliedIndex
    guard index > 0, index <= lastIndex, revisions[Int(index) - 1] != keyspace.revision else { return nil }
    return
      "\(Layout.names[member]) is at revision \(keyspace.revision) behind entry \(index), the model is at \(revisions[Int(index) - 1])"
  }

  mutating func onInstall(_ member: Int, index: UInt64) -> String? {
    applied[member] = index
    guard index <= lastIndex else { return "\(Layout.names[member]) installs snapshot \(index), nobody applied more than \(lastIndex)" }
    return nil
  }
}
