/// All rules over one history.
public struct Judge: Sendable {
  public struct Verdict: Sendable {
    public var violations: [Violation]
    public var keys: Int
    public var calls: Int
    public var unknown: Int
    public var changes: Int
    public var isClean: Bool { violations.isEmpty }
  }

  /// How long after its time a lease may still be there.
  public var leasePatience: Moment
  public var searchSteps: Int = HistoriesLimits.searchSteps

  public init(leasePatience: Moment) { self.leasePatience = leasePatience }

  public func judge(_ history: History, until: Moment) -> Verdict {
    let chronicle = Chronicle(history.replays.first?.changes ?? [])
    var seen: [Int64: Moment] = [:]
    for watch in history.watches {
      for told in watch.told where told.change.value == 0 {
        seen[told.change.revision] = min(seen[told.change.revision] ?? .max, told.at)
      }
    }
    let mayVanish: Set<String> = Set(history.leases.flatMap(\.keys))
    let rules: [[Violation]] = [
      EqualMembers.violations(history.replays),
      WriteRules.violations(history.calls, chronicle, mayVanish: mayVanish),
      RevisionOrder.violations(history.calls, chronicle),
      linearizability(history.calls.filter { !mayVanish.contains($0.key) }, chronicle),
      SerializableRules.violations(history.calls, chronicle),
      WatchRules.violations(history.watches, chronicle),
      LeaseRules.violations(history.leases, chronicle, seen: seen, until: until, patience: leasePatience),
    ]
    return Verdict(
      violations: rules.flatMap { $0.prefix(HistoriesLimits.violationsPerRule) }, keys: Set(history.calls.map(\.key)).count,
      calls: history.calls.count, unknown: history.calls.count { $0.answer == nil }, changes: chronicle.changes.count)
  }

  /// Key by key, without believing any revision that the store names. Of the store's history it uses one thing: a write of unknown
  /// outcome whose value is nowhere in it did not happen, nor did a deletion where all that there are were acknowledged.
  func linearizability(_ calls: [Call], _ chronicle: Chronicle) -> [Violation] {
    var byKey: [String: [Call]] = [:]
    for call in calls where call.action != .getSerializable {
      if call.answer == nil {
        if call.isRead { continue }
        if let value: UInt64 = call.written, chronicle.places(of: value).isEmpty { continue }
      }
      byKey[call.key, default: []].append(call)
    }
    for (key, calls) in byKey where calls.contains(where: { $0.action == .delete && $0.answer == nil }) {
      let known: Set<Int64> = Set(calls.compactMap { $0.action == .delete && $0.answer?.changed == true ? $0.answer?.revision : nil })
      if !chronicle.hasDeletion(of: key, besides: known) { byKey[key] = calls.filter { $0.action != .delete || $0.answer != nil } }
    }
    return byKey.sorted { $0.key < $1.key }.compactMap { key, calls in
      let search = LinearizabilitySearch(RegisterModel(), stepLimit: searchSteps)
      let intervals: [LinearizabilitySearch<RegisterModel>.Interval] = calls.map {
        .init(begin: $0.begin, end: $0.answer == nil ? nil : $0.end, operation: $0)
      }
      switch search.judge(intervals) {
      case .linearizable: return nil
      case .notLinearizable(let blocked, let placed):
        return Violation(
          .linearizability, "no order of \(key)'s \(calls.count) calls explains this one, with \(placed) placed: \(calls[blocked])")
      case .undecided:
        return Violation(.undecided, "no order of \(key)'s \(calls.count) calls was found within \(searchSteps) steps")
      }
    }
  }
}
