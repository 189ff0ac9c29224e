/// A watch tells every change of its keys once, in the order of revisions, without a gap, and the same that all members tell at the end.
enum WatchRules {
  static func violations(_ watches: [WatchRecord], _ chronicle: Chronicle) -> [Violation] {
    watches.compactMap { watch in
      judge(watch, chronicle).map {
        Violation(.watches, "the watch of \(watch.prefix) from \(watch.start) at member \(watch.member) \($0)")
      }
    }
  }

  private static func judge(_ watch: WatchRecord, _ chronicle: Chronicle) -> String? {
    let upTo: Int64 = max(watch.toldUpTo, watch.told.last?.change.revision ?? 0)
    let expected: [Change] = chronicle.changes(prefix: watch.prefix, from: watch.start, to: upTo)
    let told: [Change] = watch.told.map(\.change)
    if told == expected { return nil }
    var last: Int64 = 0
    var seen: Set<Change> = []
    for change in told {
      if !seen.insert(change).inserted { return "told the \(change) twice" }
      if change.revision < last { return "told the \(change) after revision \(last)" }
      last = change.revision
    }
    if let missed: Change = expected.first(where: { !seen.contains($0) }) { return "left out the \(missed), being at \(upTo)" }
    if let strange: Change = told.first(where: { !expected.contains($0) }) { return "told the \(strange), which is in nobody's history" }
    return "told the changes of one revision in another order"
  }
}
