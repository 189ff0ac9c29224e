import Consensus
import Keyspace
import Primitives

/// State-machine safety: every member applies the same entries in the same order and comes to the same results.
struct StateChecker {
  /// The log as first seen applied, from index 1.
  private var entries: [Entry] = []
  /// For each, a term in or before which it was committed: that of the member that applied it first.
  private var terms: [UInt64] = []
  private var results: [OperationResult?] = []
  /// The model's revision after each entry.
  private var revisions: [Int64] = []
  private var applied = [UInt64](repeating: 0, count: SimulationLimits.memberCount)

  var lastIndex: UInt64 { UInt64(entries.count) }

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
    guard known == entry else {
      return "\(name) applies another entry \(entry.index) than others did: term \(entry.term) against \(known.term)"
    }
    return nil
  }

  /// What the model makes of the newest entry.
  mutating func note(_ result: OperationResult?, revision: Int64) {
    results.append(result)
    revisions.append(revision)
  }

  func compare(_ member: Int, index: UInt64, _ seen: OperationResult) -> String? {
    guard let expected = results[Int(index) - 1], expected != seen else { return nil }
    return "\(Layout.names[member]) makes \(seen) of entry \(index), the model \(expected)"
  }

  mutating func onInstall(_ member: Int, index: UInt64, _ keyspace: Keyspace) -> String? {
    applied[member] = index
    guard index <= lastIndex else { return "\(Layout.names[member]) installs snapshot \(index), nobody applied more than \(lastIndex)" }
    let expected: Int64 = revisions[Int(index) - 1]
    guard keyspace.appliedIndex == index, keyspace.revision == expected else {
      return
        "\(Layout.names[member]) installed snapshot \(index) and is at entry \(keyspace.appliedIndex), revision \(keyspace.revision) instead of \(expected)"
    }
    return nil
  }
}
